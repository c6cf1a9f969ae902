package org.duvisor.platform.linux;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.duvisor.isa.Assembly;

/** The assembled stub as a shared object, and its labels, as the build left them. */
final class StubImage {
  private static final String RESOURCE = "stub.bin";

  /** What the native methods of {@link Native} are called for the dynamic linker. */
  private static final String NATIVE_METHODS = "Java_";

  private final byte[] library;
  private final Map<String, Integer> labels;

  private StubImage(byte[] library, Map<String, Integer> labels) {
    this.library = library;
    this.labels = labels;
  }

  /** Writes the image into a folder: a step of the build. */
  public static void main(String[] arguments) throws IOException {
    String folder = StubImage.class.getPackageName().replace('.', '/');
    Path file = Path.of(arguments[0]).resolve(folder).resolve(RESOURCE);
    try (OutputStream out = Files.newOutputStream(file)) {
      write(Stub.assemble(), out);
    }
  }

  private static void write(Assembly stub, OutputStream to) throws IOException {
    List<String> names = stub.labels().keySet().stream().sorted().toList();
    Map<String, Integer> exported = new HashMap<>();
    names.stream()
        .filter(n -> n.startsWith(NATIVE_METHODS))
        .forEach(n -> exported.put(n, (int) stub.label(n)));
    byte[] all = stub.bytes();
    int data = (int) (stub.label("data") - stub.base());
    byte[] library =
        SharedObject.write(
            Arrays.copyOf(all, data), Arrays.copyOfRange(all, data, all.length), exported);
    var out = new DataOutputStream(to);
    out.writeInt(names.size());
    for (String name : names) {
      out.writeUTF(name);
      out.writeInt((int) stub.label(name));
    }
    out.writeInt(library.length);
    out.write(library);
    out.flush();
  }

  /** Reads what the build wrote. */
  static StubImage load() {
    try (InputStream from = StubImage.class.getResourceAsStream(RESOURCE)) {
      if (from == null) {
        throw new LinkageError(RESOURCE + " is missing: the build was incomplete");
      }
      var in = new DataInputStream(from);
      Map<String, Integer> labels = new HashMap<>();
      for (int n = in.readInt(); n > 0; n--) {
        labels.put(in.readUTF(), in.readInt());
      }
      return new StubImage(in.readNBytes(in.readInt()), labels);
    } catch (IOException e) {
      throw new LinkageError(RESOURCE + " cannot be read", e);
    }
  }

  /** The shared object; the caller's copy. */
  byte[] library() {
    return library.clone();
  }

  /** Where a label is, in bytes from the start of the library. */
  int offset(String label) {
    Integer offset = labels.get(label);
    if (offset == null) {
      throw new LinkageError("the stub has no " + label);
    }
    return offset;
  }
}
