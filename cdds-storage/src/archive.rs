//! The split-ZIP archive: writer, joiner, reader.
