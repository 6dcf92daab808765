//! Runs Project Wycheproof's collection of attacks against the decryption code: every case must get its
//! verdict.

use aws_lc_rs::rsa::PrivateDecryptingKey;
use wycheproof::{HashFunction, TestResult, aead, cipher, rsa_oaep, rsa_pkcs1_decrypt};
use zeroize::Zeroizing;

use crate::cipher::{BLOCK_BYTES, ContentCipher, Decryptor};
use crate::gcm::{GcmDecryptor, NONCE_BYTES};
use crate::key_transport::{EncryptedKey, KeyTransport, OaepHash};

/// Valid cases must open and return their plaintext; invalid ones must not open.
fn judge(case: usize, verdict: TestResult, expected: &[u8], opened: Option<&[u8]>) {
    match verdict {
        TestResult::Valid => assert_eq!(opened, Some(expected), "case {case}"),
        TestResult::Invalid => assert_eq!(opened, None, "case {case}"),
        TestResult::Acceptable => assert!(opened.is_none_or(|opened| opened == expected), "case {case}"),
    }
}

fn transported(
    key: &PrivateDecryptingKey,
    transport: KeyTransport,
    bytes: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    EncryptedKey { transport, bytes: bytes.to_vec() }.decrypt(key).ok()
}

#[test]
fn pkcs1_keys() {
    let mut judged = 0;
    for name in rsa_pkcs1_decrypt::TestName::all() {
        for group in rsa_pkcs1_decrypt::TestSet::load(name).unwrap().test_groups {
            let key = PrivateDecryptingKey::from_pkcs8(&group.pkcs8).unwrap();
            for test in group.tests {
                let opened = transported(&key, KeyTransport::Pkcs1, &test.ct);
                judge(test.tc_id, test.result, &test.pt, opened.as_ref().map(|key| key.as_slice()));
                judged += 1;
            }
        }
    }
    assert!(judged > 150, "{judged}");
}

#[test]
fn oaep_keys() {
    let mut judged = 0;
    for name in rsa_oaep::TestName::all() {
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let hash = match group.hash {
                // Other pairs are refused earlier, when the file's header is read.
                _ if group.hash != group.mgf_hash => continue,
                HashFunction::Sha1 => OaepHash::Sha1,
                HashFunction::Sha2_256 => OaepHash::Sha256,
                HashFunction::Sha2_384 => OaepHash::Sha384,
                HashFunction::Sha2_512 => OaepHash::Sha512,
                _ => continue,
            };
            // Keys of less than 2048 bits are refused.
            let Ok(key) = PrivateDecryptingKey::from_pkcs8(&group.pkcs8) else {
                assert!(group.key_size < 2048, "{}", group.key_size);
                continue;
            };
            for test in group.tests {
                let transport = KeyTransport::Oaep { hash, label: test.label.to_vec() };
                let opened = transported(&key, transport, &test.ct);
                judge(test.tc_id, test.result, &test.pt, opened.as_ref().map(|key| key.as_slice()));
                judged += 1;
            }
        }
    }
    assert!(judged > 250, "{judged}");
}

fn aes(key_bits: usize) -> ContentCipher {
    match key_bits {
        128 => ContentCipher::Aes128,
        192 => ContentCipher::Aes192,
        _ => ContentCipher::Aes256,
    }
}

#[test]
fn cbc_content() {
    let mut judged = 0;
    for group in cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap().test_groups {
        for test in group.tests {
            let iv: [u8; BLOCK_BYTES] = test.nonce.as_slice().try_into().unwrap();
            let mut decryptor = Decryptor::new(aes(group.key_size), &test.key, iv).unwrap();
            let mut plain = vec![0; test.ct.len() + 2 * BLOCK_BYTES];
            let len = decryptor.update(&test.ct, &mut plain).unwrap();
            let opened = decryptor.finish(&mut plain[len..]).ok().map(|last| len + last);
            judge(test.tc_id, test.result, &test.pt, opened.map(|len| &plain[..len]));
            judged += 1;
        }
    }
    assert!(judged > 150, "{judged}");
}

#[test]
fn gcm_content() {
    let (mut judged, mut passed_over) = (0, 0);
    for group in aead::TestSet::load(aead::TestName::AesGcm).unwrap().test_groups {
        for test in group.tests {
            // Other nonces and authenticated attributes are refused when the file is read.
            let nonce: Result<[u8; NONCE_BYTES], _> = test.nonce.as_slice().try_into();
            let (Ok(nonce), true) = (nonce, test.aad.is_empty()) else {
                passed_over += 1;
                continue;
            };
            for cut in [1, 7, 16, 1000] {
                let mut decryptor = GcmDecryptor::new(aes(group.key_size), &test.key, nonce).unwrap();
                let (mut plain, mut out) = (Vec::new(), [0; 1000 + BLOCK_BYTES]);
                for piece in test.ct.chunks(cut) {
                    let len = decryptor.update(piece, &mut out).unwrap();
                    plain.extend_from_slice(&out[..len]);
                }
                let opened = decryptor.finish(&test.tag).ok().map(|()| plain.as_slice());
                judge(test.tc_id, test.result, &test.pt, opened);
            }
            judged += 1;
        }
    }
    assert!(judged > 100 && passed_over > 0, "{judged} {passed_over}");
}
