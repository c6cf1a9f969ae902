package org.duvisor.machine.board;

import java.util.stream.IntStream;
import org.duvisor.devices.fdt.Node;
import org.duvisor.machine.CounterEvent;

/**
 * The node of the performance counters, which firmware reads to serve SBI's PMU extension (binding
 * "riscv,pmu"). Where SBI has the event its number is the one in mhpmevent; our own are raw events.
 */
final class CounterNode {
  private static final int ALL = -1;

  private CounterNode() {}

  static void describe(Node root) {
    IntStream.Builder selectors = IntStream.builder();
    IntStream.Builder counters = IntStream.builder();
    IntStream.Builder raw = IntStream.builder();
    for (CounterEvent e : CounterEvent.values()) {
      if (e.isOfSbi()) {
        add(selectors, e.number(), 0, e.number());
        add(counters, e.number(), e.number(), e.counters());
      } else {
        add(raw, 0, e.number(), ALL, ALL, e.counters());
      }
    }
    root.child("pmu")
        .strings("compatible", "riscv,pmu")
        .cells("riscv,event-to-mhpmevent", selectors.build().toArray())
        .cells("riscv,event-to-mhpmcounters", counters.build().toArray())
        .cells("riscv,raw-event-to-mhpmcounters", raw.build().toArray());
  }

  private static void add(IntStream.Builder cells, int... more) {
    for (int cell : more) {
      cells.add(cell);
    }
  }
}
