package org.duvisor.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.duvisor.virtio.QueueWorker.Serving;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Disks and folders as they are named on the command line, opened. */
final class DevicesTest {
  @TempDir private Path dir;
  private Path image;

  @BeforeEach
  void makeImage() throws IOException {
    image = Files.write(dir.resolve("disk.img"), new byte[4096]);
  }

  private static GuestOptions options(List<Share> shares, String... disks) {
    var converter = new Disk.Converter();
    return new GuestOptions(
        GuestOptions.Boot.none(),
        Size.parse("64M"),
        Arrays.stream(disks).map(converter::convert).toList(),
        shares,
        List.of(),
        GuestOptions.Execution.of(Engine.interpreter),
        true);
  }

  /** How many devices there are, entropy included. */
  private static int open(GuestOptions options) throws IOException {
    try (var devices = new Devices(Serving.INLINE, new SplittableRandom(1))) {
      return devices.open(options).list().size();
    }
  }

  private static String refused(GuestOptions options) {
    String said = assertThrows(Exception.class, () -> open(options)).getMessage();
    assertEquals(1, said.lines().count());
    return said;
  }

  @Test
  void optionsThatAreNoneAreNamed() {
    String said = refused(options(List.of(), image + ",bogus"));
    assertTrue(said.contains("no such file, and 'bogus' is none of ro, snapshot"), said);
    String share = refused(options(List.of(new Share.Converter().convert(dir + ",RO"))));
    assertTrue(share.contains("no such file, and 'RO' is none of ro, tag=TAG"), share);
    assertEquals("disk image /none: no such file", refused(options(List.of(), "/none")));
    assertTrue(
        refused(options(List.of(new Share.Converter().convert(image.toString()))))
            .endsWith("not a folder"));
  }

  @Test
  void aDiskThatIsNamedTwice() throws IOException {
    Path link = Files.createSymbolicLink(dir.resolve("link"), image);
    for (String[] disks :
        new String[][] {
          {image + "", image + ""}, {image + "", link + ",ro"}, {image + ",snapshot", link + ""}
        }) {
      assertTrue(refused(options(List.of(), disks)).contains("is named twice"));
    }
    assertEquals(4, open(options(List.of(), image + ",ro", link + ",snapshot", image + ",ro")));
  }

  @Test
  void cardsHaveAddressesOfTheirOwn() throws IOException {
    var card = Net.parse("unix:/none,mac=52:54:00:12:34:56");
    var two = new Net.Card(new Net.Unix(Path.of("/none")), card.mac());
    GuestOptions guest =
        new GuestOptions(
            GuestOptions.Boot.none(),
            Size.parse("64M"),
            List.of(),
            List.of(),
            List.of(card, two),
            GuestOptions.Execution.of(Engine.interpreter),
            true);
    assertEquals("two network cards have the address 52:54:00:12:34:56", refused(guest));
  }

  @Test
  void serialNumbersAreOfFiles() throws IOException {
    String serial = Devices.serial(image);
    assertTrue(serial.matches("[0-9a-f]{16}"));
    assertEquals(serial, Devices.serial(image));
    assertNotEquals(serial, Devices.serial(dir.resolve("other")));
  }

  /** Adversary: a guest that puts links into its share, for its user to start it with. */
  @Test
  void linksOfASharedFolderAreNotFollowed() throws IOException {
    Path shared = Files.createDirectory(dir.resolve("shared"));
    Path link = Files.createSymbolicLink(shared.resolve("disk.img"), image);
    List<Share> shares = List.of(new Share(shared, false, Optional.empty()));
    for (String option : new String[] {"", ",ro", ",snapshot", ",format=raw"}) {
      String said = refused(options(shares, link + option));
      assertTrue(said.contains("a link in a shared folder"), said);
    }
    GuestOptions guest =
        options(shares).with(link, Optional.of(link)); // its kernel is read by the guest too
    assertThrows(IOException.class, guest::withoutLinks);
    assertEquals(3, open(options(shares, image + "")));
    Path own = Files.move(image, shared.resolve("own.img"));
    assertEquals(3, open(options(shares, own + "")));
    assertEquals(
        Optional.of(own), options(shares).with(own, Optional.empty()).withoutLinks().kernel());
  }
}
