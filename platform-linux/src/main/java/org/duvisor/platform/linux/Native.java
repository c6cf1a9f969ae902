package org.duvisor.platform.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;

/**
 * The way from Java into our own machine code: native methods, whose library is the {@link Stub}.
 * In code of the JVM's first compiler a call takes a hundred instructions, where one by
 * java.lang.foreign takes seven hundred; and the JVM starts without preparing the latter. For the
 * JVM the thread is in native code meanwhile, and it goes on without it.
 */
@SuppressWarnings("restricted") // this is the class that steps out of the JVM
final class Native {
  private static final StubImage IMAGE = StubImage.load();
  private static final long BASE = start(IMAGE);

  private Native() {}

  /** Loads the library for good. The dynamic linker wants a file; it is gone afterwards. */
  private static long start(StubImage image) {
    try {
      Path file = Files.createTempFile("duvisor", ".so");
      try {
        Files.write(file, image.library());
        System.load(file.toString());
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new DvException(
          Reason.INVALID, "no library can be put into " + System.getProperty("java.io.tmpdir"));
    } catch (UnsatisfiedLinkError e) {
      throw new DvException(Reason.PERMISSION, "no library can be loaded: " + e.getMessage());
    }
    return base();
  }

  /** The address of a label of the stub. */
  static long at(String label) {
    return BASE + IMAGE.offset(label);
  }

  /** Where the library is. */
  private static native long base();

  /** Executes a guest: {@link Stub}'s enter. */
  static native void enter(long context);

  /** Calls the code at an address. */
  static native long call(long code, long a, long b);

  /** Makes a system call; returns what the kernel does, negative errno for a failure. */
  static native long system(long number, long a, long b, long c, long d, long e, long f);
}
