import java.io.FileReader;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.PrivateKey;
import java.security.Security;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.CMSEnvelopedDataParser;
import org.bouncycastle.cms.KeyTransRecipientId;
import org.bouncycastle.cms.Recipient;
import org.bouncycastle.cms.RecipientInformationStore;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;

/**
 * CERTIFICATE KEY FOLDER: decrypts each `NAME.sealed` (EnvelopedData) and `NAME.auth` (AuthEnvelopedData) of the
 * folder to `NAME.sealed.plain` or `NAME.auth.plain`. The former is read as a stream; for the latter the library's
 * version 1.72 has no such parser.
 */
final class BouncyCastle {
    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        X509CertificateHolder certificate = (X509CertificateHolder) read(arguments[0]);
        PrivateKeyInfo info = (PrivateKeyInfo) read(arguments[1]);
        PrivateKey key = new JcaPEMKeyConverter().setProvider("BC").getPrivateKey(info);
        KeyTransRecipientId id =
                new KeyTransRecipientId(certificate.getIssuer(), certificate.getSerialNumber());
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(Paths.get(arguments[2]), "*.{sealed,auth}")) {
            for (Path file : files) {
                open(file, id, key);
            }
        }
    }

    private static Object read(String pem) throws Exception {
        try (PEMParser parser = new PEMParser(new FileReader(pem))) {
            return parser.readObject();
        }
    }

    private static void open(Path file, KeyTransRecipientId id, PrivateKey key) throws Exception {
        try (InputStream sealed = Files.newInputStream(file)) {
            RecipientInformationStore recipients;
            Recipient recipient;
            if (file.toString().endsWith(".auth")) {
                recipients = new CMSAuthEnvelopedData(sealed).getRecipientInfos();
                recipient = new JceKeyTransAuthEnvelopedRecipient(key).setProvider("BC");
            } else {
                recipients = new CMSEnvelopedDataParser(sealed).getRecipientInfos();
                recipient = new JceKeyTransEnvelopedRecipient(key).setProvider("BC");
            }
            try (InputStream plain = recipients.get(id).getContentStream(recipient).getContentStream()) {
                Files.copy(plain, Paths.get(file + ".plain"));
            }
        }
    }
}
