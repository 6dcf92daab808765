import java.io.FileReader;
import java.io.OutputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.Security;
import java.security.cert.X509Certificate;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSAESOAEPparams;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.operator.OutputAEADEncryptor;

/** CERTIFICATE FOLDER: encrypts each `NAME.plain` of the folder to `NAME.cbc`, `NAME.oaep` and `NAME.gcm`. */
final class BouncyCastleSeal {
    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        X509Certificate certificate;
        try (PEMParser parser = new PEMParser(new FileReader(arguments[0]))) {
            X509CertificateHolder holder = (X509CertificateHolder) parser.readObject();
            certificate = new JcaX509CertificateConverter().getCertificate(holder);
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Paths.get(arguments[1]), "*.plain")) {
            for (Path file : files) {
                byte[] plain = Files.readAllBytes(file);
                String name = file.toString().replaceFirst("\\.plain$", "");
                stream(new JceKeyTransRecipientInfoGenerator(certificate), plain, name + ".cbc");
                stream(new JceKeyTransRecipientInfoGenerator(certificate, oaep()), plain, name + ".oaep");
                authenticate(new JceKeyTransRecipientInfoGenerator(certificate), plain, name + ".gcm");
            }
        }
    }

    private static AlgorithmIdentifier oaep() {
        AlgorithmIdentifier hash = new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256, DERNull.INSTANCE);
        AlgorithmIdentifier mask = new AlgorithmIdentifier(PKCSObjectIdentifiers.id_mgf1, hash);
        RSAESOAEPparams parameters = new RSAESOAEPparams(hash, mask, RSAESOAEPparams.DEFAULT_P_SOURCE_ALGORITHM);
        return new AlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, parameters);
    }

    private static void stream(JceKeyTransRecipientInfoGenerator recipient, byte[] plain, String file)
            throws Exception {
        CMSEnvelopedDataStreamGenerator generator = new CMSEnvelopedDataStreamGenerator();
        generator.addRecipientInfoGenerator(recipient);
        JceCMSContentEncryptorBuilder cipher = new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_CBC);
        try (OutputStream out = Files.newOutputStream(Paths.get(file));
                OutputStream sealed = generator.open(out, cipher.setProvider("BC").build())) {
            sealed.write(plain);
        }
    }

    private static void authenticate(JceKeyTransRecipientInfoGenerator recipient, byte[] plain, String file)
            throws Exception {
        CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
        generator.addRecipientInfoGenerator(recipient);
        JceCMSContentEncryptorBuilder cipher = new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_GCM);
        OutputAEADEncryptor encryptor = (OutputAEADEncryptor) cipher.setProvider("BC").build();
        byte[] sealed = generator.generate(new CMSProcessableByteArray(plain), encryptor).getEncoded();
        Files.write(Paths.get(file), sealed);
    }
}
