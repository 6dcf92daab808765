//! The sealing profiles, selected in `cdds.toml`. `openssl cms` opens each of them (rule S1).

use std::fs;

use crate::support::{Place, string};

#[test]
fn s1_parts_are_sealed_in_the_profile_of_the_configuration() {
    let place = Place::with_interactions(20);
    place.recipient("ops");
    let config = fs::read_to_string(place.path("cdds.toml")).unwrap();
    let create = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    for (profile, structure) in [
        ("compat", ["pkcs7-envelopedData", "rsaEncryption", "aes-256-cbc"]),
        ("oaep", ["pkcs7-envelopedData", "rsaesOaep", "aes-256-cbc"]),
        ("auth-gcm", ["id-smime-ct-authEnvelopedData", "rsaEncryption", "aes-256-gcm"]),
    ] {
        let config = config.replace("profile = \"compat\"", &format!("profile = \"{profile}\""));
        fs::write(place.path("cdds.toml"), config).unwrap();
        let job =
            string(&place.json(&[&create[..], &["--run", "once", "--recipient", "ops"]].concat())["id"]);
        place.json(&["run", "--until-idle"]);
        let execution = string(&place.json(&["history", "list", "--job", &job])[0]["id"]);
        let files = place.json(&["artifact", "download", "--execution", &execution, "--to", profile]);
        let sealed = string(&files[0]["path"]);
        let listing = place.program("openssl", &["asn1parse", "-inform", "DER", "-in", &sealed], &[]);
        for part in structure {
            assert!(listing.contains(part), "{profile}: {listing}");
        }
        let plain = format!("{profile}.zip");
        let decrypt = ["cms", "-decrypt", "-binary", "-inform", "DER", "-in", &sealed];
        place.program("openssl", &decrypt, &["-inkey", "ops.key", "-out", &plain]);
        assert_eq!(place.records(&plain).len(), 20, "{profile}");
    }
}
