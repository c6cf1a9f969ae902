package org.duvisor.devices.fdt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FdtTest {
  private static Node sample() {
    Node root = new Node("");
    root.strings("compatible", "riscv-virtio").cells("#address-cells", 2).cells("#size-cells", 2);
    root.child("chosen")
        .strings("bootargs", "console=ttyS0 quiet")
        .longs("linux,initrd-start", 0x8400_0000L);
    Node cpus = root.child("cpus").cells("#address-cells", 1).cells("#size-cells", 0);
    for (int i = 0; i < 2; i++) {
      cpus.child("cpu@" + i)
          .strings("device_type", "cpu")
          .cells("reg", i)
          .strings("compatible", "riscv")
          .child("interrupt-controller")
          .flag("interrupt-controller")
          .cells("#interrupt-cells", 1)
          .cells("phandle", i + 1)
          .bytes("odd", new byte[] {1, 2, 3, 4, 5});
    }
    root.child("memory@80000000")
        .strings("device_type", "memory")
        .longs("reg", 0x8000_0000L, 0x1000_0000L);
    return root;
  }

  private static Node random(Random random, Node node, int depth) {
    for (int i = random.nextInt(4); i > 0; i--) {
      byte[] value = new byte[random.nextInt(12)];
      random.nextBytes(value);
      node.bytes("prop," + random.nextInt(6), value);
    }
    for (int i = depth > 5 ? 0 : random.nextInt(4); i > 0; i--) {
      random(random, node.child("node@" + random.nextInt(20)), depth + 1);
    }
    return node;
  }

  private static void assertSame(Node expected, Node actual) {
    assertEquals(expected.name(), actual.name());
    assertEquals(
        List.copyOf(expected.properties().keySet()), List.copyOf(actual.properties().keySet()));
    expected
        .properties()
        .forEach((n, v) -> assertArrayEquals(v, actual.property(n).orElseThrow(), n));
    assertEquals(expected.children().size(), actual.children().size());
    var other = actual.children().iterator();
    for (Node child : expected.children()) {
      assertSame(child, other.next());
    }
  }

  @Property(tries = 200)
  void whatIsWrittenIsRead(
      @ForAll long seed, @ForAll @IntRange(max = 3) int reservations, @ForAll int bootCpu) {
    Random random = new Random(seed);
    List<Fdt.Reservation> reserved =
        random
            .longs(reservations)
            .mapToObj(a -> new Fdt.Reservation(a, random.nextInt(1, 9)))
            .toList();
    Fdt fdt = new Fdt(random(random, new Node(""), 0), bootCpu, reserved);
    byte[] blob = fdt.blob();
    Fdt read = Fdt.parse(blob);
    assertSame(fdt.root(), read.root());
    assertEquals(bootCpu, read.bootCpu());
    assertEquals(reserved, read.reservations());
    assertArrayEquals(blob, read.blob());
    assertEquals(0, blob.length % 8);
  }

  /** Adversary: a user-supplied blob with flipped, cut or replaced bytes. */
  @Property(tries = 2000)
  void damageIsAtWorstOneClearLine(@ForAll long seed) {
    Random random = new Random(seed);
    byte[] blob = Fdt.of(sample()).blob();
    for (int i = random.nextInt(1, 5); i > 0; i--) {
      int at = random.nextInt(random.nextBoolean() ? 40 : blob.length);
      switch (random.nextInt(3)) {
        case 0 -> blob[at] = (byte) random.nextInt();
        case 1 -> blob[at] ^= (byte) (1 << random.nextInt(8));
        default ->
            ByteBuffer.wrap(blob).putInt(at & -4, random.nextBoolean() ? -1 : random.nextInt(12));
      }
    }
    byte[] given = random.nextInt(4) == 0 ? Arrays.copyOf(blob, random.nextInt(blob.length)) : blob;
    try {
      Fdt.parse(given).blob();
    } catch (IllegalArgumentException e) {
      assertTrue(e.getMessage().startsWith("bad device tree blob: "));
      assertFalse(e.getMessage().contains("\n"));
    }
  }

  @Test
  void deepNestingIsRefusedWithoutARecursion() {
    byte[] begin = {0, 0, 0, 1, 'a', 0, 0, 0};
    int nodes = 100_000;
    ByteBuffer blob = ByteBuffer.allocate(56 + 8 * nodes);
    blob.putInt(Fdt.MAGIC)
        .putInt(blob.capacity())
        .putInt(56)
        .putInt(56)
        .putInt(40)
        .putInt(17)
        .putInt(16)
        .putInt(0)
        .putInt(0)
        .putInt(8 * nodes)
        .position(56);
    blob.put(new byte[] {0, 0, 0, 1, 0, 0, 0, 0});
    for (int i = 1; i < nodes; i++) {
      blob.put(begin);
    }
    var e = assertThrows(IllegalArgumentException.class, () -> Fdt.parse(blob.array()));
    assertTrue(e.getMessage().contains("deeper than 64"), e.getMessage());
  }

  @Test
  void findAndPatch() {
    Fdt fdt = Fdt.parse(Fdt.of(sample()).blob());
    Node cpu = fdt.root().find("/cpus/cpu@1").orElseThrow();
    assertEquals(fdt.root(), cpu.root());
    assertTrue(fdt.root().find("cpus/cpu@2").isEmpty());
    fdt.root().child("chosen").strings("bootargs", "other").remove("linux,initrd-start");
    Node chosen = Fdt.parse(fdt.blob()).root().find("chosen").orElseThrow();
    assertEquals(
        "other\0",
        new String(chosen.property("bootargs").orElseThrow(), StandardCharsets.US_ASCII));
    assertTrue(chosen.property("linux,initrd-start").isEmpty());
  }

  /**
   * The reference compiler, where it is installed, reads our blob without complaint and makes an
   * equal one.
   */
  @Test
  void theReferenceCompilerAgrees(@TempDir Path directory)
      throws IOException, InterruptedException {
    Path dtc = Path.of("/usr/bin/dtc");
    Assumptions.assumeTrue(Files.isExecutable(dtc));
    Path ours = Files.write(directory.resolve("ours.dtb"), Fdt.of(sample()).blob());
    Path theirs = directory.resolve("theirs.dtb");
    Process process =
        new ProcessBuilder(
                dtc.toString(), "-I", "dtb", "-O", "dtb", "-o", theirs.toString(), ours.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), said);
    assertFalse(said.contains("ERROR"), said);
    assertSame(sample(), Fdt.parse(Files.readAllBytes(theirs)).root());
  }
}
