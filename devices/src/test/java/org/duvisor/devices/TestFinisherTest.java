package org.duvisor.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.duvisor.devices.TestFinisher.Request;
import org.duvisor.devices.fdt.Node;
import org.junit.jupiter.api.Test;

class TestFinisherTest {
  private final List<Request> requests = new ArrayList<>();
  private final TestFinisher finisher = new TestFinisher(requests::add, 6);

  @Test
  void passFailAndReset() {
    finisher.write(0, 4, 0x5555);
    finisher.write(0, 4, 0x0007_3333);
    finisher.write(0, 4, 0xffff_ffff_0000_3333L);
    finisher.write(0, 2, 0x7777);
    assertEquals(
        List.of(
            new Request.PowerOff(0),
            new Request.PowerOff(7),
            new Request.PowerOff(1),
            new Request.Reset()),
        requests);
  }

  @Test
  void otherValuesOffsetsAndWidthsDoNothing() {
    finisher.write(0, 4, 0x1234);
    finisher.write(4, 4, 0x5555);
    finisher.write(0, 1, 0x55);
    finisher.write(0, 8, 0x5555);
    assertEquals(List.of(), requests);
    assertEquals(0, finisher.read(0, 4));
  }

  @Test
  void describesTheSysconUsersAtTheRoot() {
    Node root = new Node("");
    finisher.describe(root.child("soc"), 0x10_0000, 0, 5);
    assertEquals(
        "sifive,test1\0sifive,test0\0syscon\0",
        new String(
            root.find("soc/test@100000").orElseThrow().property("compatible").orElseThrow(),
            StandardCharsets.US_ASCII));
    assertEquals(6, root.find("poweroff").orElseThrow().property("regmap").orElseThrow()[3]);
    assertEquals(
        "syscon-reboot\0",
        new String(
            root.find("reboot").orElseThrow().property("compatible").orElseThrow(),
            StandardCharsets.US_ASCII));
    assertEquals(0x77, root.find("reboot").orElseThrow().property("value").orElseThrow()[3]);
  }
}
