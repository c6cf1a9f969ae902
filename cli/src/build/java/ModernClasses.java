import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * A step of the build: gives the classes of a library the format of a later Java, in place. The JVM
 * verifies classes of Java 5 by its old verifier, and keeps none of them in its AOT cache; with
 * stack maps it does neither. Nothing else changes; a note in the file says so.
 *
 * <p>Arguments: jar files. One that has no old classes stays as it is.
 */
final class ModernClasses {
  private static final int STACK_MAPS = ClassFile.JAVA_6_VERSION;
  private static final int WANTED = ClassFile.JAVA_17_VERSION;
  private static final String NOTE = "META-INF/MODIFIED";

  private ModernClasses() {}

  public static void main(String[] jars) throws IOException {
    for (String jar : jars) {
      Path from = Path.of(jar);
      Path to = from.resolveSibling(from.getFileName() + ".part");
      boolean changed;
      try (var in = new ZipFile(from.toFile());
          var out = new ZipOutputStream(Files.newOutputStream(to))) {
        changed = copy(in, out);
      }
      if (changed) {
        Files.move(to, from, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      } else {
        Files.delete(to);
      }
    }
  }

  private static boolean copy(ZipFile in, ZipOutputStream out) throws IOException {
    ClassFile format =
        ClassFile.of(
            ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
            ClassFile.ClassHierarchyResolverOption.of(
                ClassHierarchyResolver.ofResourceParsing(
                        name -> stream(in, name.descriptorString()))
                    .orElse(ClassHierarchyResolver.defaultResolver())));
    boolean changed = false;
    long time = 0;
    for (ZipEntry entry : in.stream().toList()) {
      byte[] bytes = in.getInputStream(entry).readAllBytes();
      if (entry.getName().endsWith(".class")) {
        ClassModel old = format.parse(bytes);
        if (old.majorVersion() < STACK_MAPS) {
          bytes = format.transformClass(old, modern());
          changed = true;
        }
      }
      time = Math.max(time, entry.getTime());
      put(out, entry.getName(), entry.getTime(), bytes);
    }
    if (changed) {
      put(
          out,
          NOTE,
          time,
          "Class files have stack maps and a later version; nothing else was changed.\n"
              .getBytes());
    }
    return changed;
  }

  private static ClassTransform modern() {
    return ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL)
        .andThen(
            (builder, element) ->
                builder.with(
                    element instanceof ClassFileVersion
                        ? ClassFileVersion.of(WANTED, 0)
                        : element));
  }

  private static void put(ZipOutputStream out, String name, long time, byte[] bytes)
      throws IOException {
    var entry = new ZipEntry(name);
    entry.setTime(time);
    out.putNextEntry(entry);
    out.write(bytes);
    out.closeEntry();
  }

  private static InputStream stream(ZipFile in, String descriptor) {
    ZipEntry entry = in.getEntry(descriptor.substring(1, descriptor.length() - 1) + ".class");
    try {
      return entry == null ? null : in.getInputStream(entry);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
