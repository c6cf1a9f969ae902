package org.duvisor.machine.board;

import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import org.duvisor.devices.IrqLine;
import org.duvisor.devices.MmioBus;
import org.duvisor.devices.Plic;
import org.duvisor.devices.aia.Aplic;
import org.duvisor.devices.aia.Imsic;
import org.duvisor.devices.fdt.Node;
import org.duvisor.isa.Cause;
import org.duvisor.machine.Hart;
import org.duvisor.machine.dv.FileOwners;

/**
 * The interrupt controllers of a board, where QEMU's virt has them.
 *
 * @param source the input of a source by number, 1 to {@link MemoryMap#SOURCES}
 * @param phandle of the node that devices have as interrupt-parent
 * @param cells of an interrupt specifier: the number, and with two its kind
 */
record Interrupts(IntFunction<IrqLine> source, int phandle, int cells) {
  private static final int PLIC_PHANDLE = 0x100;
  private static final int APLIC_PHANDLE = 0x102;
  private static final int IMSIC_PHANDLE = 0x104;

  /**
   * Puts controllers on the bus.
   *
   * @param firstCpu phandle of the interrupt controller of hart 0; the others follow
   */
  static Interrupts connect(InterruptController kind, List<Hart> harts, MmioBus bus, int firstCpu) {
    return switch (kind) {
      case PLIC -> plic(harts, bus, firstCpu);
      case APLIC -> aplic(harts, bus, firstCpu, false);
      case APLIC_IMSIC -> {
        imsic(harts, bus, firstCpu);
        yield aplic(harts, bus, firstCpu, true);
      }
    };
  }

  private static Interrupts plic(List<Hart> harts, MmioBus bus, int firstCpu) {
    List<Plic.Context> contexts = new java.util.ArrayList<>();
    for (Hart h : harts) {
      for (int cause : new int[] {Cause.MACHINE_EXTERNAL, Cause.SUPERVISOR_EXTERNAL}) {
        contexts.add(new Plic.Context(level -> h.wire(cause, level), firstCpu + h.id(), cause));
      }
    }
    Plic plic = new Plic(MemoryMap.SOURCES, contexts);
    bus.add(MemoryMap.PLIC, plic, 0);
    return new Interrupts(plic::source, PLIC_PHANDLE, 1);
  }

  private static Interrupts aplic(List<Hart> harts, MmioBus bus, int firstCpu, boolean byMessage) {
    Aplic aplic =
        new Aplic(
            MemoryMap.SOURCES,
            firstCpu,
            level(harts, APLIC_PHANDLE, Cause.MACHINE_EXTERNAL, IMSIC_PHANDLE),
            level(harts, APLIC_PHANDLE + 1, Cause.SUPERVISOR_EXTERNAL, IMSIC_PHANDLE + 1),
            byMessage
                ? Optional.of((address, data) -> send(bus, address, data))
                : Optional.empty());
    bus.add(MemoryMap.APLIC_M, aplic.machine(), 0);
    bus.add(MemoryMap.APLIC_S, aplic.supervisor(), 0);
    return new Interrupts(aplic::source, APLIC_PHANDLE + 1, 2);
  }

  private static Aplic.Level level(List<Hart> harts, int phandle, int cause, int imsic) {
    List<IrqLine> outputs =
        harts.stream().map(h -> (IrqLine) level -> h.wire(cause, level)).toList();
    return new Aplic.Level(phandle, outputs, cause, imsic);
  }

  private static void send(MmioBus bus, long address, int data) {
    MmioBus.Window w = bus.find(address, 4);
    if (w != null && w.device() instanceof Imsic imsic) {
      imsic.write(address - w.base(), 4, data);
    }
  }

  private static void imsic(List<Hart> harts, MmioBus bus, int firstCpu) {
    var machine =
        new Imsic(
            harts.stream().map(h -> List.of(h.machineFile())).toList(),
            firstCpu,
            Cause.MACHINE_EXTERNAL,
            IMSIC_PHANDLE);
    var supervisor =
        new Imsic(
            harts.stream().map(Hart::supervisorFiles).toList(),
            firstCpu,
            Cause.SUPERVISOR_EXTERNAL,
            IMSIC_PHANDLE + 1);
    bus.add(MemoryMap.IMSIC_M, machine, 0);
    bus.add(MemoryMap.IMSIC_S, supervisor, 0);
    int guests = harts.getFirst().config().guestFiles();
    var owners = new FileOwners(MemoryMap.IMSIC_S, supervisor.hartStride(), harts.size(), guests);
    harts.forEach(h -> h.owners(owners));
  }

  /**
   * Gives the interrupts of the devices below {@code soc} as many cells as the controller wants.
   */
  void specify(Node soc) {
    if (cells == 2) {
      Aplic.specify(soc);
    }
  }
}
