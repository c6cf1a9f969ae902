package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.platform.sim.SimHost;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.p9.P9;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Linux guest works in a folder of the host; what it did is looked at from both sides. */
final class SharedFolderTest {
  private static final String MOUNT =
      "mkdir -p /mnt && mount -t 9p -o trans=virtio,version=9p2000.L host /mnt && cd /mnt && PS1='/"
          + " # '";

  @TempDir private Path folder;

  private static SimHost host() {
    return new SimHost(160 << 20);
  }

  @Test
  void aGuestWorksInAFolderOfTheHost() throws Exception {
    assumeTrue(System.getProperty("os.name").equals("Linux"), "sharing needs a Linux host");
    byte[] noise = new byte[300_000];
    new SplittableRandom(1).nextBytes(noise);
    Path tree = Files.createDirectories(folder.resolve("tree/deep/deeper"));
    Files.write(tree.resolve("noise"), noise);
    Files.createSymbolicLink(folder.resolve("tree/link"), Path.of("deep/deeper/noise"));
    try (Guest guest = Guest.boot(host(), 1, "", P9.share(folder, "host", false, Serving.THREAD))) {
      GuestShell shell = guest.shell();
      shell.prompt();
      shell.run(MOUNT);
      archives(shell);
      files(shell);
      folders(shell);
      shell.type("cd /; umount /mnt; poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
    assertEquals(-1, java.util.Arrays.mismatch(noise, Files.readAllBytes(folder.resolve("copy"))));
    assertEquals(6L << 30, Files.size(folder.resolve("big")));
    assertEquals(Path.of("/etc/shadow"), Files.readSymbolicLink(folder.resolve("out")));
    assertFalse(Files.exists(folder.resolve("gone"), LinkOption.NOFOLLOW_LINKS));
    try (Stream<Path> names = Files.list(folder.resolve("many"))) {
      assertEquals(300, names.count());
    }
  }

  private static void archives(GuestShell shell) throws InterruptedException {
    shell.run("tar cf /tmp/t.tar tree && mkdir again && tar xf /tmp/t.tar -C again");
    assertEquals(
        "same",
        shell.run(
            "cmp tree/link again/tree/link && cmp tree/deep/deeper/noise again/tree/link"
                + " && diff -r tree again/tree && echo same"));
    assertEquals("5", shell.run("find again/tree | wc -l"));
    shell.run("mv again/tree moved; mv moved/deep/deeper/noise copy; rm -r moved again");
    assertEquals("copy\ntree", shell.run("ls -1"));
  }

  private static void files(GuestShell shell) throws InterruptedException {
    assertEquals(
        "one\ntwo",
        shell.run(
            "exec 3>gone; echo one >&3; rm gone; echo two >&3; cat /proc/self/fd/3; exec 3>&-"));
    shell.run("dd if=/dev/zero of=big bs=1 count=1 seek=$((6 * 1024 * 1024 * 1024 - 1))");
    assertEquals("6442450944", shell.run("stat -c %s big"));
    assertEquals(
        "640 7 981173106",
        shell.run(
            "echo append >a; chmod 640 a; touch -d '2001-02-03 04:05:06' a; stat -c '%a %s %Y' a"));
    assertEquals("2", shell.run("ln a b; stat -c %h a"));
    assertEquals("app", shell.run("truncate -s 3 b; cat a"));
    // A program is mapped, not read.
    assertEquals("mapped", shell.run("cp /bin/busybox busybox; ./busybox echo mapped"));
    assertEquals("/etc/shadow", shell.run("ln -s /etc/shadow out; readlink out"));
    assertTrue(shell.run("mknod null c 1 3").contains("not permitted"));
  }

  private static void folders(GuestShell shell) throws InterruptedException {
    shell.run("mkdir many; i=0; while [ $i -lt 300 ]; do : >many/file-$i; i=$((i + 1)); done");
    assertEquals("300", shell.run("ls many | sort -u | wc -l"));
    assertTrue(shell.run("rmdir many").contains("not empty"));
    assertEquals("0", shell.run("mkdir d; cd d; rmdir ../d; ls . 2>/dev/null | wc -l; cd /mnt"));
  }

  /** With the options that README.md has, programs share memory in files, and SQLite its index. */
  @Test
  void aFileIsMappedForWriting() throws Exception {
    assumeTrue(System.getProperty("os.name").equals("Linux"), "sharing needs a Linux host");
    compile("/share/map.c", folder.resolve("map"));
    try (Guest guest = Guest.boot(host(), 1, "", P9.share(folder, "host", false, Serving.THREAD))) {
      GuestShell shell = guest.shell();
      shell.prompt();
      shell.run(MOUNT.replace("9p2000.L", "9p2000.L,cache=mmap"));
      assertEquals("both", shell.run("./map shared"));
      shell.type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
    byte[] seen = Files.readAllBytes(folder.resolve("shared"));
    assertEquals(8192, seen.length);
    assertEquals('a', seen[0]);
    assertEquals('b', seen[4096]);
  }

  private static void compile(String resource, Path program) throws Exception {
    Path source = Path.of(SharedFolderTest.class.getResource(resource).toURI());
    Process compiler;
    try {
      compiler =
          new ProcessBuilder(
                  "riscv64-linux-gnu-gcc", "-O1", "-static", "-o", program + "", source + "")
              .inheritIO()
              .start();
    } catch (IOException e) {
      assumeTrue(false, "needs a cross compiler (Debian: gcc-riscv64-linux-gnu)");
      return;
    }
    assertEquals(0, compiler.waitFor());
  }

  /** Adversary: a guest with root that wants to change what it may only read. */
  @Test
  void aReadOnlyFolderStaysAsItIs() throws Exception {
    assumeTrue(System.getProperty("os.name").equals("Linux"), "sharing needs a Linux host");
    Files.writeString(folder.resolve("file"), "as it was");
    try (Guest guest = Guest.boot(host(), 1, "", P9.share(folder, "host", true, Serving.THREAD))) {
      GuestShell shell = guest.shell();
      shell.prompt();
      shell.run(MOUNT);
      assertEquals("as it was", shell.run("cat file"));
      for (String change :
          new String[] {
            "echo x >file",
            "echo x >new",
            "rm file",
            "mv file new",
            "mkdir new",
            "ln file new",
            "ln -s x new",
            "chmod 777 file",
            "touch file",
            "truncate -s 0 file",
            "chown 5 file",
          }) {
        String said = shell.run(change);
        assertTrue(said.contains("Read-only file system"), change + ": " + said);
      }
      shell.type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
    assertUntouched();
  }

  private void assertUntouched() throws IOException {
    assertEquals("as it was", Files.readString(folder.resolve("file")));
    try (Stream<Path> names = Files.list(folder)) {
      assertEquals(1, names.count());
    }
  }
}
