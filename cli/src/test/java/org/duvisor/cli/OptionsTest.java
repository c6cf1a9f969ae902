package org.duvisor.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.duvisor.virtio.blk.DiskImage.Format;
import org.duvisor.virtio.net.Forward;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

final class OptionsTest {
  @ParameterizedTest
  @CsvSource({
    "1,1",
    "4096,4096",
    "1k,1024",
    "1024K,1048576",
    "512M,536870912",
    "2G,2147483648",
    "2g,2147483648",
    "1T,1099511627776",
    "9223372036854775807,9223372036854775807",
    "8388607T,9223370937343148032",
  })
  void sizes(String text, String bytes) {
    if (text.length() > 18) {
      assertThrows(
          TypeConversionException.class, () -> Size.parse(text), "19 digits are beyond any memory");
    } else {
      assertEquals(Long.parseLong(bytes), Size.parse(text).bytes());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "0",
        "0G",
        "-1",
        "+1",
        "M",
        "1.5G",
        "1GB",
        "1MM",
        "8388608T",
        "99999999999999999G",
        "١",
        " 1"
      })
  void noSizes(String text) {
    assertThrows(TypeConversionException.class, () -> Size.parse(text));
  }

  @Property(tries = 500)
  void aSizeIsReadAsItIsWritten(
      @ForAll @LongRange(min = 1, max = 999_999_999_999_999_999L) long bytes) {
    assertEquals(bytes, Size.parse(new Size(bytes).toString()).bytes());
  }

  @Test
  void networks() {
    assertEquals(new Net.None(), Net.parse("none").net());
    assertEquals(new Net.User(false, List.of()), Net.parse("user").net());
    assertEquals(new Net.User(true, List.of()), Net.parse("user,host").net());
    assertEquals(new Net.Unix(Path.of("/run/a:b")), Net.parse("unix:/run/a:b").net());
    assertEquals(new Net.Unix(Path.of("/run/a,b")), Net.parse("unix:/run/a,b").net());
    assertEquals(new Net.Tcp("localhost", 65535), Net.parse("tcp:localhost:65535").net());
    assertEquals(
        new Net.Card(new Net.Tcp("::1", 9), Optional.of("52:54:00:ab:cd:ef")),
        Net.parse("tcp:[::1]:9,mac=52:54:00:AB:cd:ef"));
    assertEquals(
        new Net.User(
            true,
            List.of(
                new Forward(true, "", 2222, 22),
                new Forward(false, "127.0.0.1", 53, 5353),
                new Forward(true, "0:0:0:0:0:0:0:1", 80, 8080))),
        Net.parse(
                "user,hostfwd=tcp::2222-:22,host,hostfwd=udp:127.0.0.1:53-:5353,"
                    + "hostfwd=tcp:[::1]:80-:8080")
            .net());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "None",
        "none:",
        "user:x",
        "user,",
        "user,Host",
        "host",
        "unix",
        "unix:",
        "tcp:",
        "tcp:host",
        "tcp:host:",
        "tcp::1",
        "tcp:h:0",
        "tcp:h:65536",
        "tcp:h:999999",
        "tcp:h:-1",
        "tap:x",
        "none,mac=52:54:00:12:34:56",
        "user,mac=52:54:00:12:34:56,mac=52:54:00:12:34:57",
        "user,mac=53:54:00:12:34:56",
        "user,mac=52:54:00:12:34",
        "user,mac=00:00:00:00:00:00",
        "unix:/x,host",
        "tcp:h:1,hostfwd=tcp::1-:1",
        "user,hostfwd=tcp::0-:22",
        "user,hostfwd=tcp::22-:65536",
        "user,hostfwd=tcp::22",
        "user,hostfwd=sctp::22-:22",
        "user,hostfwd=tcp:localhost:22-:22",
        "user,hostfwd=tcp:1.2.3.4.5:22-:22",
        "user,hostfwd=tcp:--help:22-:22",
        "user,hostfwd=tcp::22-10.0.2.15:22"
      })
  void noNetworks(String text) {
    assertThrows(TypeConversionException.class, () -> Net.parse(text));
  }

  @Test
  void disks() {
    var converter = new Disk.Converter();
    assertEquals(Disk.of(Path.of("a,b.img"), false), converter.convert("a,b.img"));
    assertEquals(Disk.of(Path.of("a"), true), converter.convert("a,ro"));
    assertEquals(Disk.of(Path.of("a,ro,b"), false), converter.convert("a,ro,b"));
    assertEquals(
        new Disk(Path.of("a"), Optional.of(Format.qcow2), false, true, true),
        converter.convert("a,format=qcow2,backing=any,snapshot"));
    assertEquals(
        new Disk(Path.of("a,format=vmdk"), Optional.of(Format.raw), true, false, false),
        converter.convert("a,format=vmdk,ro,format=raw"));
    for (String wrong :
        new String[] {
          ",ro", "", ",snapshot", "a,format=raw,format=qcow2", "a,ro,snapshot", "a,snapshot,ro"
        }) {
      assertThrows(TypeConversionException.class, () -> converter.convert(wrong));
    }
  }

  @Test
  void shares() {
    var converter = new Share.Converter();
    assertEquals(new Share(Path.of("/a,b"), false, Optional.empty()), converter.convert("/a,b"));
    assertEquals(
        new Share(Path.of("d"), true, Optional.of("src")), converter.convert("d,ro,tag=src"));
    for (String wrong :
        new String[] {"", ",ro", "d,tag=", "d,tag=a b", "d,tag=" + "x".repeat(32)}) {
      assertThrows(TypeConversionException.class, () -> converter.convert(wrong));
    }
  }

  private static GuestOptions appending(String text) {
    return new GuestOptions(
        new GuestOptions.Boot(Optional.empty(), Optional.empty(), text),
        new Size(1),
        List.of(),
        List.of(),
        List.of(),
        GuestOptions.Execution.of(Engine.jit),
        true);
  }

  /** Linux's limit is 1024 bytes with a final 0, and it cuts the rest in silence. */
  @Test
  void commandLinesThatLinuxWouldCut() {
    assertEquals("a b", appending("b").commandLine("a"));
    assertEquals("b", appending("b").commandLine(""));
    assertEquals(1023, appending("x".repeat(1021)).commandLine("a").length());
    UserError refused =
        assertThrows(UserError.class, () -> appending("x".repeat(1022)).commandLine("a"));
    assertEquals(
        "the kernel's command line (--append) has 1024 bytes; Linux takes 1023",
        refused.getMessage());
    assertThrows(UserError.class, () -> appending("\u00e4".repeat(512)).commandLine(""));
  }

  @Test
  void memoryThatIsNotThereIsTheUsersToKnow() {
    UserError refused =
        assertThrows(
            UserError.class,
            () ->
                appending("")
                    .withMemory(
                        () -> {
                          throw new OutOfMemoryError();
                        }));
    assertTrue(refused.getMessage().contains("--memory"), refused.getMessage());
  }

  @Test
  void outputThatIsLostIsAFailure() {
    var full = Optional.of(new IOException("No space left on device"));
    assertEquals(Outcome.ENDED, Outcome.ENDED.printed(Optional.empty()));
    assertEquals(
        Outcome.failed("what the guest printed is lost: standard output: No space left on device"),
        Outcome.ENDED.printed(full));
    assertEquals(new Outcome(7, "x"), new Outcome(7, "x").printed(full));
  }
}
