package org.duvisor.virtio.p9;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.duvisor.virtio.blk.RawFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Adversary: a guest that shares a folder of the host and wants out of it - to read, write or make
 * a file elsewhere - or wants the host's process to hang, to fail or to run out of descriptors. Its
 * messages are whatever it likes. Beside the folder lies a secret; what is outside must be the same
 * afterwards.
 */
class HostileGuestTest {
  @TempDir Path dir;
  private Path shared;
  private Path secret;
  private Client guest;

  @BeforeEach
  void share() throws IOException {
    assumeTrue(System.getProperty("os.name").equals("Linux"), "sharing needs a Linux host");
    shared = Files.createDirectory(dir.resolve("shared"));
    secret = Files.writeString(dir.resolve("secret"), "secret");
    Files.createDirectories(shared.resolve("sub/deeper"));
    Files.writeString(shared.resolve("sub/file"), "inside");
    Files.createSymbolicLink(shared.resolve("out"), Path.of(".."));
    Files.createSymbolicLink(shared.resolve("direct"), secret);
    guest = new Client(shared, false);
  }

  @AfterEach
  void nothingOutsideChanged() throws IOException {
    if (guest != null) {
      guest.close();
      assertEquals("secret", Files.readString(secret));
      try (Stream<Path> around = Files.list(dir)) {
        assertEquals(
            List.of("secret", "shared"),
            around.map(p -> p.getFileName().toString()).sorted().toList());
      }
    }
  }

  // ---- out by a path

  @ParameterizedTest
  @ValueSource(
      strings = {
        "..",
        "../secret",
        "/etc/passwd",
        "sub/../../secret",
        "sub/file",
        "",
        ".",
        "./sub",
        "sub/",
        "/",
        "..\0",
        "\0",
        "sub\0x",
        "//",
        "../"
      })
  void namesThatAreNotOneComponent(String name) throws IOException {
    int sub = guest.walk("sub");
    int fid = 900;
    assertNotEquals(0, guest.attempt(P9Layout.T_WALK, Client.walking(sub, fid, name)));
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_CLUNK, m -> m.putInt(fid)));
    assertNotEquals(0, guest.attempt(P9Layout.T_LCREATE, Client.creating(sub, name, 0666)));
    assertNotEquals(
        0, guest.attempt(P9Layout.T_MKDIR, m -> text(m, sub, name).putInt(7).putInt(0)));
    assertNotEquals(
        0,
        guest.attempt(P9Layout.T_SYMLINK, m -> Client.string(text(m, sub, name), "x").putInt(0)));
    assertNotEquals(
        0,
        guest.attempt(
            P9Layout.T_MKNOD, m -> text(m, sub, name).putInt(0100666).putLong(0).putInt(0)));
    assertNotEquals(0, guest.attempt(P9Layout.T_UNLINKAT, m -> text(m, sub, name).putInt(0)));
    assertNotEquals(0, guest.attempt(P9Layout.T_UNLINKAT, m -> text(m, sub, name).putInt(0x200)));
    assertNotEquals(
        0,
        guest.attempt(
            P9Layout.T_RENAMEAT, m -> Client.string(text(m, sub, "file").putInt(sub), name)));
    assertNotEquals(
        0,
        guest.attempt(
            P9Layout.T_RENAMEAT, m -> Client.string(text(m, sub, name).putInt(sub), "new")));
    int file = guest.walk("sub", "file");
    assertNotEquals(
        0, guest.attempt(P9Layout.T_LINK, m -> Client.string(m.putInt(sub).putInt(file), name)));
    assertEquals("inside", Files.readString(shared.resolve("sub/file")));
  }

  private static ByteBuffer text(ByteBuffer m, int fid, String name) {
    return Client.string(m.putInt(fid), name);
  }

  @Test
  void theRootsParentIsTheRoot() {
    ByteBuffer root = guest.call(P9Layout.T_WALK, Client.walking(0, 50, "..", "..", "sub"));
    assertEquals(3, root.getShort());
    ByteBuffer failed = guest.call(P9Layout.T_WALK, Client.walking(0, 51, "sub", "..", ".."));
    assertEquals(1, failed.getShort(), "one step was possible");
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_CLUNK, m -> m.putInt(51)));
  }

  @Test
  void theRootsListingTellsNothingOfItsParent() throws IOException {
    long parent = (long) Files.getAttribute(dir, "unix:ino");
    int folder = guest.open(Client.READ);
    ByteBuffer list =
        guest.call(P9Layout.T_READDIR, m -> m.putInt(folder).putLong(0).putInt(65536));
    list.getInt();
    while (list.remaining() > 0) {
      list.position(list.position() + 5);
      assertNotEquals(parent, list.getLong());
      list.position(list.position() + 9);
      list.position(list.position() + 2 + list.getShort(list.position()));
    }
  }

  // ---- out by a link

  @Test
  void linksAreNotFollowed() {
    for (String[] way :
        new String[][] {{"out", "secret"}, {"out", "shared"}, {"out", "."}, {"direct", "x"}}) {
      ByteBuffer walked = guest.call(P9Layout.T_WALK, Client.walking(0, 60, way));
      assertEquals(1, walked.getShort());
    }
    for (String name : new String[] {"direct", "out"}) {
      int link = guest.walk(name);
      for (int access = 0; access < 3; access++) {
        int flags = access;
        assertEquals(
            P9Layout.EACCES, guest.fail(P9Layout.T_LOPEN, m -> m.putInt(link).putInt(flags)));
      }
      assertEquals(
          P9Layout.EACCES, guest.fail(P9Layout.T_LOPEN, m -> m.putInt(link).putInt(01001)));
      assertNotEquals(0, guest.attempt(P9Layout.T_LCREATE, Client.creating(link, "new", 0666)));
      assertNotEquals(0, guest.attempt(P9Layout.T_SETATTR, m -> size(m, link, 0)));
      guest.attempt(P9Layout.T_SETATTR, m -> mode(m, link, 0));
      guest.attempt(P9Layout.T_SETATTR, m -> times(m, link));
      assertNotEquals(
          0, guest.attempt(P9Layout.T_MKDIR, m -> text(m, link, "new").putInt(0777).putInt(0)));
      assertNotEquals(
          0, guest.attempt(P9Layout.T_UNLINKAT, m -> text(m, link, "secret").putInt(0)));
    }
  }

  @Test
  void aNewFileDoesNotGoWhereALinkOfThatNameLeads() throws IOException {
    int root = guest.walk();
    assertNotEquals(0, guest.attempt(P9Layout.T_LCREATE, Client.creating(root, "direct", 0666)));
    int again = guest.walk();
    guest.call(
        P9Layout.T_SYMLINK,
        m -> Client.string(text(m, again, "dangling"), dir.resolve("new").toString()).putInt(0));
    assertNotEquals(0, guest.attempt(P9Layout.T_LCREATE, Client.creating(again, "dangling", 0666)));
    assertFalse(Files.exists(dir.resolve("new")));
  }

  /** The link's own mode and times may change, not those of what it names. */
  @Test
  void attributesOfALinkAreNotThoseOfItsTarget() throws IOException {
    Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-r-----"));
    var before = Files.readAttributes(secret, "unix:mode,uid,gid,lastModifiedTime,size,nlink");
    int link = guest.walk("direct");
    guest.attempt(P9Layout.T_SETATTR, m -> mode(m, link, 0777));
    guest.attempt(P9Layout.T_SETATTR, m -> times(m, link));
    guest.attempt(P9Layout.T_SETATTR, m -> size(m, link, 1));
    guest.attempt(P9Layout.T_SETATTR, m -> attributes(m, link, 6, 0, 0));
    guest.attempt(P9Layout.T_LINK, m -> Client.string(m.putInt(0).putInt(link), "hard"));
    assertEquals(
        before, Files.readAttributes(secret, "unix:mode,uid,gid,lastModifiedTime,size,nlink"));
    if (Files.exists(shared.resolve("hard"), LinkOption.NOFOLLOW_LINKS)) {
      assertTrue(Files.isSymbolicLink(shared.resolve("hard")));
    }
  }

  private static ByteBuffer attributes(ByteBuffer m, int fid, int valid, int mode, long size) {
    m.putInt(fid).putInt(valid).putInt(mode).putInt(12345).putInt(12345).putLong(size);
    return m.putLong(5).putLong(0).putLong(5).putLong(0);
  }

  private static ByteBuffer mode(ByteBuffer m, int fid, int mode) {
    return attributes(m, fid, 1, mode, 0);
  }

  private static ByteBuffer size(ByteBuffer m, int fid, long size) {
    return attributes(m, fid, 8, 0, size);
  }

  private static ByteBuffer times(ByteBuffer m, int fid) {
    return attributes(m, fid, 0x1b0, 0, 0);
  }

  /** A folder becomes a link between a look-up and its use. */
  @Test
  void aFolderThatIsExchangedForALink() throws IOException {
    int sub = guest.walk("sub");
    Files.move(shared.resolve("sub"), shared.resolve("moved"));
    Files.createSymbolicLink(shared.resolve("sub"), dir);
    assertNotEquals(0, guest.attempt(P9Layout.T_WALK, Client.walking(sub, 70, "secret")));
    guest.call(P9Layout.T_LCREATE, Client.creating(sub, "new", 0666));
    assertTrue(Files.exists(shared.resolve("moved/new")));
  }

  // ---- files that are more than files

  @Test
  void devicesAreNotMade() {
    for (int type : new int[] {0020000, 0060000, 0040000, 0120000, 0}) {
      assertEquals(
          P9Layout.EPERM,
          guest.fail(
              P9Layout.T_MKNOD, m -> text(m, 0, "dev").putInt(type | 0666).putLong(1).putInt(0)));
    }
  }

  @Test
  void aFifoDoesNotStopTheHost() throws IOException {
    guest.call(P9Layout.T_MKNOD, m -> text(m, 0, "fifo").putInt(0010666).putLong(0).putInt(0));
    assertTimeoutPreemptively(
        Duration.ofSeconds(30),
        () -> {
          for (int access = 0; access < 3; access++) {
            int flags = access;
            int fid = guest.walk("fifo");
            assertEquals(
                P9Layout.EACCES, guest.fail(P9Layout.T_LOPEN, m -> m.putInt(fid).putInt(flags)));
          }
          int root = guest.walk();
          assertNotEquals(
              0, guest.attempt(P9Layout.T_LCREATE, Client.creating(root, "fifo", 0666)));
        });
  }

  @Test
  void nothingBecomesSetuid() throws IOException {
    int made = guest.create("tool", 06755);
    assertEquals(0100755, (int) Files.getAttribute(shared.resolve("tool"), "unix:mode"));
    guest.call(P9Layout.T_SETATTR, m -> mode(m, made, 06711));
    assertEquals(0100711, (int) Files.getAttribute(shared.resolve("tool"), "unix:mode"));
    guest.call(P9Layout.T_MKNOD, m -> text(m, 0, "node").putInt(0104755).putLong(0).putInt(0));
    assertEquals(0100755, (int) Files.getAttribute(shared.resolve("node"), "unix:mode"));
  }

  /** A program of the host's that runs as its owner, and that the guest may write to. */
  @Test
  void whatAGuestWritesToIsNotSetuidAnyMore() throws IOException {
    Path tool = Files.writeString(shared.resolve("tool"), "#!/bin/sh");
    for (int flags : new int[] {1, 2, 01000, 01001}) {
      Files.setAttribute(tool, "unix:mode", 06755);
      int fid = guest.walk("tool");
      guest.call(P9Layout.T_LOPEN, m -> m.putInt(fid).putInt(flags));
      assertEquals(0100755, (int) Files.getAttribute(tool, "unix:mode"));
    }
    int open = guest.open(Client.WRITE, "tool");
    Files.setAttribute(tool, "unix:mode", 06755);
    guest.write(open, 0, new byte[] {1});
    assertEquals(0100755, (int) Files.getAttribute(tool, "unix:mode"));
    Files.setAttribute(tool, "unix:mode", 06755);
    guest.call(P9Layout.T_SETATTR, m -> size(m, open, 7));
    assertEquals(0100755, (int) Files.getAttribute(tool, "unix:mode"));
    Files.setAttribute(tool, "unix:mode", 06755);
    int create = guest.walk();
    guest.call(P9Layout.T_LCREATE, Client.creating(create, "tool", 0755));
    assertEquals(0100755, (int) Files.getAttribute(tool, "unix:mode"));
    Files.setAttribute(tool, "unix:mode", 06755);
    guest.open(Client.READ, "tool");
    assertEquals(0106755, (int) Files.getAttribute(tool, "unix:mode"), "it was only read");
  }

  /** A device, FIFO or socket of the host in the folder would become anyone's. */
  @Test
  void whatIsNeitherFileNorFolderKeepsItsAttributes() throws Exception {
    assertEquals(0, new ProcessBuilder("mkfifo", "-m", "600", shared + "/f").start().waitFor());
    List<String> names = new java.util.ArrayList<>(List.of("f"));
    try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(shared.resolve("s")));
      names.add("s");
      String node = shared + "/null";
      if (new ProcessBuilder("mknod", "-m", "600", node, "c", "1", "3").start().waitFor() == 0) {
        names.add("null"); // root runs the test
      }
      Map<String, Object> before = snapshot();
      for (String name : names) {
        int fid = guest.walk(name);
        int[] errors = {
          guest.fail(P9Layout.T_SETATTR, m -> mode(m, fid, 0666)),
          guest.fail(P9Layout.T_SETATTR, m -> attributes(m, fid, 6, 0, 0)),
          guest.fail(P9Layout.T_SETATTR, m -> times(m, fid)),
          guest.fail(P9Layout.T_LINK, m -> Client.string(m.putInt(0).putInt(fid), "more")),
        };
        for (int error : errors) {
          assertEquals(P9Layout.EPERM, error, name);
        }
      }
      assertEquals(before, snapshot());
    }
  }

  // ---- fids

  @Test
  void fidsThatAreNot() {
    for (int fid : new int[] {9, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      for (int type = 8; type < 124; type += 2) {
        if (type != P9Layout.T_VERSION && type != P9Layout.T_ATTACH && type != P9Layout.T_FLUSH) {
          int error = guest.fail(type, m -> m.putInt(fid).put(new byte[100]));
          assertTrue(error == P9Layout.EBADF || error == P9Layout.EOPNOTSUPP, type + ": " + error);
        }
      }
    }
  }

  @Test
  void fidsThatAreNotWhatTheOperationNeeds() {
    int file = guest.walk("sub", "file");
    int folder = guest.walk("sub");
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_READ, m -> io(m, file, 0, 10)));
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_WRITE, m -> io(m, file, 0, 0)));
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_READDIR, m -> io(m, folder, 0, 99)));
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_FSYNC, m -> m.putInt(file).putInt(0)));
    assertEquals(P9Layout.EINVAL, guest.fail(P9Layout.T_READLINK, m -> m.putInt(file)));
    assertEquals(P9Layout.ENOTDIR, guest.fail(P9Layout.T_WALK, Client.walking(file, 80, "x")));
    assertEquals(P9Layout.EISDIR, guest.fail(P9Layout.T_LOPEN, m -> m.putInt(folder).putInt(1)));
    assertEquals(P9Layout.EINVAL, guest.fail(P9Layout.T_LOPEN, m -> m.putInt(file).putInt(3)));
    guest.call(P9Layout.T_LOPEN, m -> m.putInt(file).putInt(Client.READ));
    assertEquals(P9Layout.EINVAL, guest.fail(P9Layout.T_LOPEN, m -> m.putInt(file).putInt(2)));
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_WRITE, m -> io(m, file, 0, 0)));
    assertEquals(P9Layout.ENOTDIR, guest.fail(P9Layout.T_READDIR, m -> io(m, file, 0, 99)));
    assertEquals(P9Layout.EINVAL, guest.fail(P9Layout.T_READ, m -> io(m, file, -1, 10)));
    guest.call(P9Layout.T_LOPEN, m -> m.putInt(folder).putInt(Client.READ));
    assertEquals(P9Layout.EISDIR, guest.fail(P9Layout.T_READ, m -> io(m, folder, 0, 10)));
    assertEquals(P9Layout.EINVAL, guest.fail(P9Layout.T_WALK, Client.walking(folder, 81, "file")));
  }

  private static ByteBuffer io(ByteBuffer m, int fid, long offset, int count) {
    return m.putInt(fid).putLong(offset).putInt(count);
  }

  @Test
  void fidsThatAreTaken() {
    guest.walk("sub");
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_WALK, Client.walking(0, 1, "sub")));
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_WALK, Client.walking(0, -1)));
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_ATTACH, m -> attach(m, 1)));
    guest.call(P9Layout.T_WALK, Client.walking(1, 1)); // onto itself is allowed
    guest.clunk(1);
    assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_CLUNK, m -> m.putInt(1)));
  }

  private static ByteBuffer attach(ByteBuffer m, int fid) {
    return Client.string(Client.string(m.putInt(fid).putInt(-1), "root"), "").putInt(0);
  }

  /** Closing it would give away the lock that keeps other processes from writing to it. */
  @Test
  void aDiskImageInUseIsNotOpened() throws IOException {
    Path image = Files.write(shared.resolve("disk.img"), new byte[512]);
    int fid = guest.walk("disk.img");
    try (RawFile disk = RawFile.open(image, false)) {
      assertEquals(512, disk.size());
      assertEquals(P9Layout.EBUSY, guest.fail(P9Layout.T_LOPEN, m -> m.putInt(fid).putInt(0)));
    }
    guest.call(P9Layout.T_LOPEN, m -> m.putInt(fid).putInt(0));
  }

  /**
   * A guest whose own image is in its share: it would change a disk that it may only read, or put a
   * link in its place, for its user to start from the next time.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aDiskImageInUseKeepsItsNameAndContents(boolean readOnly) throws IOException {
    Path image = Files.write(shared.resolve("sub/deeper/disk.img"), new byte[1024]);
    Files.createLink(shared.resolve("another"), image);
    Files.createDirectory(shared.resolve("empty"));
    Map<String, Object> before = snapshot();
    int fid = guest.walk("sub", "deeper", "disk.img");
    int other = guest.walk("another");
    int deeper = guest.walk("sub", "deeper");
    int sub = guest.walk("sub");
    try (RawFile disk = RawFile.open(image, readOnly)) {
      int[] errors = {
        guest.fail(P9Layout.T_SETATTR, m -> size(m, fid, 0)),
        guest.fail(P9Layout.T_SETATTR, m -> size(m, other, 2048)),
        guest.fail(P9Layout.T_SETATTR, m -> mode(m, other, 0666)),
        guest.fail(P9Layout.T_SETATTR, m -> times(m, fid)),
        guest.fail(P9Layout.T_SETATTR, m -> attributes(m, fid, 6, 0, 0)),
        guest.fail(P9Layout.T_LOPEN, m -> m.putInt(other).putInt(01002)),
        guest.fail(P9Layout.T_LCREATE, Client.creating(deeper, "disk.img", 0666)),
        guest.fail(P9Layout.T_UNLINKAT, m -> text(m, deeper, "disk.img").putInt(0)),
        guest.fail(P9Layout.T_UNLINKAT, m -> text(m, 0, "another").putInt(0)),
        guest.fail(
            P9Layout.T_RENAMEAT, m -> Client.string(text(m, deeper, "disk.img").putInt(0), "x")),
        guest.fail(
            P9Layout.T_RENAMEAT,
            m -> Client.string(text(m, sub, "file").putInt(deeper), "disk.img")),
        guest.fail(P9Layout.T_RENAMEAT, m -> Client.string(text(m, sub, "deeper").putInt(0), "x")),
        guest.fail(P9Layout.T_RENAMEAT, m -> Client.string(text(m, 0, "sub").putInt(0), "x")),
        guest.fail(
            P9Layout.T_RENAMEAT, m -> Client.string(text(m, 0, "empty").putInt(sub), "deeper")),
        guest.fail(P9Layout.T_LINK, m -> Client.string(m.putInt(0).putInt(fid), "third")),
      };
      for (int error : errors) {
        assertEquals(P9Layout.EBUSY, error);
      }
      assertEquals(1024, disk.size());
      assertEquals(before, snapshot());
    }
    guest.call(P9Layout.T_RENAMEAT, m -> Client.string(text(m, 0, "sub").putInt(0), "x"));
  }

  /** As many open files as it likes: an error, and descriptors for others are left. */
  @Test
  void moreOpenFilesThanThereAreDescriptors() throws IOException {
    long none = descriptors();
    int refused = 0;
    for (int i = 0; i < 20_000 && refused == 0; i++) {
      int fid = 1000 + i;
      guest.call(P9Layout.T_WALK, Client.walking(0, fid, "sub", "file"));
      refused = guest.attempt(P9Layout.T_LOPEN, m -> m.putInt(fid).putInt(Client.READ));
    }
    assertEquals(P9Layout.ENFILE, refused);
    assertTrue(descriptors() - none <= Nodes.MAX_OPEN);
    for (int i = 0; i < 20; i++) {
      Files.newInputStream(secret).close();
    }
    long before = descriptors();
    guest.call(P9Layout.T_VERSION, m -> Client.string(m.putInt(65536), "9P2000.L"));
    assertTrue(descriptors() < before - 100, "a new session closes everything");
    guest.call(P9Layout.T_ATTACH, m -> attach(m, 0));
  }

  private static long descriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    }
  }

  @Test
  void failedRequestsLeakNothing() throws IOException {
    long before = descriptors();
    for (int i = 0; i < 200; i++) {
      guest.call(P9Layout.T_WALK, Client.walking(0, 60, "sub", "none", "x"));
      guest.fail(P9Layout.T_LCREATE, Client.creating(0, "direct", 0666));
      guest.fail(P9Layout.T_MKDIR, m -> text(m, 0, "sub").putInt(0).putInt(0));
    }
    assertTrue(descriptors() < before + 50);
  }

  // ---- a folder that is only read

  @Test
  void aReadOnlyShareRefusesEveryChange() throws IOException {
    Map<String, Object> before = snapshot();
    try (Client reader = new Client(shared, true)) {
      int file = reader.walk("sub", "file");
      int sub = reader.walk("sub");
      int[] errors = {
        reader.fail(P9Layout.T_LOPEN, m -> m.putInt(file).putInt(1)),
        reader.fail(P9Layout.T_LOPEN, m -> m.putInt(file).putInt(2)),
        reader.fail(P9Layout.T_LOPEN, m -> m.putInt(file).putInt(01000)),
        reader.fail(P9Layout.T_LCREATE, Client.creating(sub, "new", 0666)),
        reader.fail(P9Layout.T_LCREATE, Client.creating(sub, "file", 0666)),
        reader.fail(P9Layout.T_MKDIR, m -> text(m, sub, "new").putInt(0777).putInt(0)),
        reader.fail(P9Layout.T_SYMLINK, m -> Client.string(text(m, sub, "new"), "x").putInt(0)),
        reader.fail(P9Layout.T_MKNOD, m -> text(m, sub, "n").putInt(0100666).putLong(0).putInt(0)),
        reader.fail(P9Layout.T_LINK, m -> Client.string(m.putInt(sub).putInt(file), "new")),
        reader.fail(P9Layout.T_UNLINKAT, m -> text(m, sub, "file").putInt(0)),
        reader.fail(
            P9Layout.T_RENAMEAT, m -> Client.string(text(m, sub, "file").putInt(sub), "new")),
        reader.fail(P9Layout.T_SETATTR, m -> mode(m, file, 0777)),
        reader.fail(P9Layout.T_SETATTR, m -> size(m, file, 0)),
        reader.fail(P9Layout.T_SETATTR, m -> times(m, file)),
        reader.fail(P9Layout.T_SETATTR, m -> attributes(m, file, 6, 0, 0)),
      };
      for (int error : errors) {
        assertEquals(P9Layout.EROFS, error);
      }
      reader.call(P9Layout.T_LOPEN, m -> m.putInt(file).putInt(Client.READ));
      assertArrayEquals(
          "inside".getBytes(java.nio.charset.StandardCharsets.UTF_8), reader.read(file, 0, 100));
      assertEquals(P9Layout.EBADF, reader.fail(P9Layout.T_WRITE, m -> io(m, file, 0, 0)));
    }
    assertEquals(before, snapshot());
  }

  private Map<String, Object> snapshot() throws IOException {
    Map<String, Object> all = new TreeMap<>();
    try (Stream<Path> files = Files.walk(shared)) {
      for (Path file : files.toList()) {
        all.put(
            file.toString(),
            Files.readAttributes(
                file, "unix:mode,uid,gid,size,nlink,ino", LinkOption.NOFOLLOW_LINKS));
      }
    }
    return all;
  }

  // ---- messages

  @Test
  void messagesThatLieAboutTheirLength() {
    byte[] clunk = {11, 0, 0, 0, 120, 1, 0, 0, 0, 0, 0};
    for (int size : new int[] {0, 6, 12, 1 << 20, -1, Integer.MIN_VALUE}) {
      byte[] wrong = clunk.clone();
      ByteBuffer.wrap(wrong).order(ByteOrder.LITTLE_ENDIAN).putInt(0, size);
      assertEquals(P9Layout.EPROTO, guest.raw(wrong, 100).getInt(7));
    }
    for (int length = 7; length < 11; length++) {
      byte[] cut = java.util.Arrays.copyOf(clunk, length);
      cut[0] = (byte) length;
      assertEquals(P9Layout.EPROTO, guest.raw(cut, 100).getInt(7));
    }
    guest.walk("sub"); // well as before
  }

  @Test
  void countsThatLie() {
    int file = guest.open(Client.BOTH, "sub", "file");
    for (int count : new int[] {-1, Integer.MAX_VALUE, Integer.MIN_VALUE, 101}) {
      assertEquals(
          P9Layout.EPROTO,
          guest.fail(P9Layout.T_WRITE, m -> io(m, file, 0, count).put(new byte[100])));
    }
    assertArrayEquals(
        "inside".getBytes(java.nio.charset.StandardCharsets.UTF_8), guest.read(file, 0, -1));
    assertEquals(
        P9Layout.EINVAL,
        guest.fail(P9Layout.T_WALK, m -> m.putInt(0).putInt(99).putShort((short) 17)));
    assertEquals(
        P9Layout.EPROTO,
        guest.fail(P9Layout.T_WALK, m -> m.putInt(0).putInt(99).putShort((short) 16)));
    assertEquals(
        P9Layout.EPROTO,
        guest.fail(
            P9Layout.T_WALK, m -> m.putInt(0).putInt(99).putShort((short) 1).putShort((short) -1)));
    assertEquals(
        P9Layout.ENAMETOOLONG,
        guest.attempt(P9Layout.T_WALK, Client.walking(0, 99, "x".repeat(60_000))));
    assertEquals(
        P9Layout.ENAMETOOLONG,
        guest.fail(
            P9Layout.T_SYMLINK, m -> Client.string(text(m, 0, "l"), "x".repeat(60_000)).putInt(0)));
    int folder = guest.open(Client.READ);
    assertEquals(P9Layout.EINVAL, guest.fail(P9Layout.T_READDIR, m -> io(m, folder, 0, 10)));
    guest.attempt(P9Layout.T_READDIR, m -> io(m, folder, Long.MAX_VALUE, 1000));
    guest.attempt(P9Layout.T_READDIR, m -> io(m, folder, Long.MIN_VALUE, 1000));
  }

  @Test
  void repliesThatDoNotFit() {
    byte[] getattr =
        ByteBuffer.allocate(19)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(19)
            .put((byte) 24)
            .putShort((short) 1)
            .putInt(0)
            .putLong(-1)
            .array();
    assertEquals(P9Layout.EPROTO, guest.raw(getattr, 100).getInt(7));
    assertEquals(160, guest.raw(getattr, 160).getInt(0));
  }

  @Test
  void aRequestWithoutHeaderOrRoomNeedsAReset() throws IOException {
    for (int[] sizes : new int[][] {{6, 100}, {19, 10}}) {
      Client lost = new Client(shared, false);
      lost.send(new byte[sizes[0]], sizes[1]);
      assertNotEquals(0, lost.driver().status() & 64);
    }
  }

  /** Adversary: random messages, nearly right. Only what is inside may change. */
  @Test
  void randomMessages() throws IOException {
    byte[] types = {8, 12, 14, 16, 18, 22, 24, 26, 40, 50, 70, 72, 74, 76, 110, 116, 118, 120};
    String[] names = {"sub", "file", "..", "out", "direct", "a", "b", "/", ".", "../secret", ""};
    for (int seed = 0; seed < 6; seed++) {
      Random random = new Random(seed);
      try (Client wild = new Client(shared, false)) {
        for (int i = 0; i < 4000; i++) {
          int type = types[random.nextInt(types.length)];
          wild.attempt(
              type,
              m -> {
                m.putInt(random.nextInt(6));
                for (int fields = random.nextInt(7); fields > 0; fields--) {
                  switch (random.nextInt(5)) {
                    case 0 -> m.putInt(random.nextInt(6));
                    case 1 -> m.putInt(random.nextInt());
                    case 2 -> m.putShort((short) random.nextInt(4));
                    default -> Client.string(m, names[random.nextInt(names.length)]);
                  }
                }
              });
        }
      }
    }
  }
}
