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

  /** Loads the library for good. */
  private static long start(StubImage image) {
    DvException failure = new DvException(Reason.INVALID, "no folder for the library of the stub");
    for (String folder : new String[] {System.getProperty("java.io.tmpdir"), "/dev/shm", "/run"}) {
      try {
        load(Path.of(folder), image);
        return base();
      } catch (IOException | UnsatisfiedLinkError e) {
        failure = new DvException(Reason.PERMISSION, "cannot load the stub: " + e.getMessage());
      }
    }
    throw failure;
  }

  /** The dynamic linker wants a file; it is gone afterwards. */
  private static void load(Path folder, StubImage image) throws IOException {
    Path file = Files.createTempFile(folder, "duvisor", ".so");
    try {
      Files.write(file, image.library());
      System.load(file.toString());
    } finally {
      Files.delete(file);
    }
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
