import java.io.File;
import java.io.InputStream;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveOutputStream;
import org.apache.commons.compress.archivers.zip.ZipFile;
import org.apache.commons.compress.archivers.zip.ZipSplitReadOnlySeekableByteChannel;

/** commons-compress: `extract ARCHIVE FOLDER`, or `make ARCHIVE FOLDER PART_BYTES stored|deflated`. */
public class CommonsCompress {
    public static void main(String[] args) throws Exception {
        File archive = new File(args[1]);
        Path folder = Path.of(args[2]);
        if (args[0].equals("extract")) {
            extract(archive, folder);
        } else {
            make(archive, folder, Long.parseLong(args[3]), args[4].equals("stored"));
        }
    }

    private static void extract(File archive, Path folder) throws Exception {
        try (SeekableByteChannel channel =
                        ZipSplitReadOnlySeekableByteChannel.buildFromLastSplitSegment(archive);
                ZipFile zip = new ZipFile(channel)) {
            for (ZipArchiveEntry entry : Collections.list(zip.getEntries())) {
                Path file = folder.resolve(entry.getName());
                Files.createDirectories(file.getParent());
                // The reader checks the CRC at the end of each entry.
                try (InputStream contents = zip.getInputStream(entry)) {
                    Files.copy(contents, file);
                }
            }
        }
    }

    private static void make(File archive, Path folder, long partBytes, boolean stored) throws Exception {
        List<Path> files;
        try (Stream<Path> all = Files.walk(folder)) {
            files = all.filter(Files::isRegularFile).sorted().collect(Collectors.toList());
        }
        try (ZipArchiveOutputStream zip = new ZipArchiveOutputStream(archive, partBytes)) {
            if (stored) {
                zip.setMethod(ZipArchiveOutputStream.STORED);
            }
            for (Path file : files) {
                ZipArchiveEntry entry = new ZipArchiveEntry(file, folder.relativize(file).toString());
                if (stored) {
                    // What is not deflated needs them in its header.
                    CRC32 crc = new CRC32();
                    crc.update(Files.readAllBytes(file));
                    entry.setCrc(crc.getValue());
                    entry.setSize(Files.size(file));
                }
                zip.putArchiveEntry(entry);
                Files.copy(file, zip);
                zip.closeArchiveEntry();
            }
        }
    }
}
