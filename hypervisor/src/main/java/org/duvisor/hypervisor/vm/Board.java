package org.duvisor.hypervisor.vm;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import org.duvisor.devices.GoldfishRtc;
import org.duvisor.devices.GuestMemory;
import org.duvisor.devices.IrqLine;
import org.duvisor.devices.MmioBus;
import org.duvisor.devices.Ns16550;
import org.duvisor.devices.Plic;
import org.duvisor.devices.TestFinisher;
import org.duvisor.devices.aia.Aplic;
import org.duvisor.hypervisor.boot.DeviceTree;
import org.duvisor.hypervisor.boot.MemoryMap;
import org.duvisor.hypervisor.interrupts.Imsics;
import org.duvisor.hypervisor.vcpu.Power;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.hypervisor.vcpu.Vcpus;
import org.duvisor.isa.Cause;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.VirtioMmio;

/** The devices of a VM at their places. To add one, add a line here. */
final class Board implements AutoCloseable {
  private final MmioBus bus = new MmioBus();
  private final List<VirtioMmio> transports = new ArrayList<>();

  private Runnable firmware = () -> {};

  /** The devices, with an APLIC when there are IMSICs and a PLIC otherwise. */
  Board(VmConfig config, Vcpus vcpus, GuestMemory memory, Power power, Optional<Imsics> imsics) {
    IntFunction<IrqLine> source = imsics.isPresent() ? aplic(imsics.get(), vcpus) : plic(vcpus);
    for (VirtioDevice device : config.virtio()) {
      int slot = transports.size();
      int irq = MemoryMap.virtioIrq(slot);
      VirtioMmio transport = new VirtioMmio(device, memory, source.apply(irq));
      bus.add(MemoryMap.virtio(slot), transport, irq);
      transports.add(transport);
    }
    Ns16550 uart =
        new Ns16550(config.console(), source.apply(MemoryMap.UART_IRQ), MemoryMap.UART_CLOCK);
    bus.add(MemoryMap.UART, uart, MemoryMap.UART_IRQ);
    GoldfishRtc rtc =
        new GoldfishRtc(config.clock(), config.timers(), source.apply(MemoryMap.RTC_IRQ));
    bus.add(MemoryMap.RTC, rtc, MemoryMap.RTC_IRQ);
    bus.add(MemoryMap.FINISHER, new TestFinisher(r -> finish(r, power), DeviceTree.FINISHER), 0);
  }

  private IntFunction<IrqLine> plic(Vcpus vcpus) {
    List<Plic.Context> contexts = new ArrayList<>();
    for (Vcpu v : vcpus.all()) {
      contexts.add(
          new Plic.Context(v::external, DeviceTree.cpu(v.index()), Cause.SUPERVISOR_EXTERNAL));
    }
    Plic plic = new Plic(MemoryMap.SOURCES, contexts);
    bus.add(MemoryMap.PLIC, plic, 0);
    return plic::source;
  }

  /** The guest sees the supervisor domain; we are the firmware that sets the other one up. */
  private IntFunction<IrqLine> aplic(Imsics imsics, Vcpus vcpus) {
    var hidden = new Aplic.Level(0, List.of(), Cause.MACHINE_EXTERNAL, 0);
    var seen =
        new Aplic.Level(
            DeviceTree.CONTROLLER, List.of(), Cause.SUPERVISOR_EXTERNAL, DeviceTree.IMSIC);
    Aplic aplic =
        new Aplic(MemoryMap.SOURCES, DeviceTree.cpu(0), hidden, seen, Optional.of(imsics::send));
    bus.add(MemoryMap.IMSIC, imsics, 0);
    bus.add(MemoryMap.APLIC, aplic.supervisor(), 0);
    firmware =
        () -> {
          aplic.machine().reset();
          aplic.delegateAll(MemoryMap.IMSIC, vcpus.count());
        };
    return aplic::source;
  }

  /** Where notifications of the virtio devices can be left, by slot. */
  List<MemorySegment> doorbells() {
    return transports.stream().map(t -> t.device().doorbell().memory()).toList();
  }

  MmioBus bus() {
    return bus;
  }

  void reset() {
    bus.reset();
    firmware.run();
  }

  /** Closes the devices, none of which has a timer set any more. */
  @Override
  public void close() {
    bus.reset();
    transports.forEach(VirtioMmio::close);
  }

  private static void finish(TestFinisher.Request request, Power power) {
    switch (request) {
      case TestFinisher.Request.Reset() -> power.reboot(false);
      case TestFinisher.Request.PowerOff(int code) when code == 0 -> power.poweroff();
      case TestFinisher.Request.PowerOff(int code) -> power.fail(code);
    }
  }
}
