import java.io.File;
import net.lingala.zip4j.ZipFile;
import net.lingala.zip4j.model.ZipParameters;
import net.lingala.zip4j.model.enums.CompressionMethod;

/** zip4j: `extract ARCHIVE FOLDER`, or `make ARCHIVE FOLDER PART_BYTES stored|deflated`. */
public class Zip4j {
    public static void main(String[] args) throws Exception {
        try (ZipFile archive = new ZipFile(args[1])) {
            if (args[0].equals("extract")) {
                archive.extractAll(args[2]);
                return;
            }
            ZipParameters parameters = new ZipParameters();
            parameters.setIncludeRootFolder(false);
            parameters.setCompressionMethod(
                    args[4].equals("stored") ? CompressionMethod.STORE : CompressionMethod.DEFLATE);
            archive.createSplitZipFileFromFolder(new File(args[2]), parameters, true, Long.parseLong(args[3]));
        }
    }
}
