package org.duvisor.hypervisor.vm;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.devices.GoldfishRtc;
import org.duvisor.devices.GuestMemory;
import org.duvisor.devices.MmioBus;
import org.duvisor.devices.Ns16550;
import org.duvisor.devices.Plic;
import org.duvisor.devices.TestFinisher;
import org.duvisor.hypervisor.boot.DeviceTree;
import org.duvisor.hypervisor.boot.MemoryMap;
import org.duvisor.hypervisor.vcpu.Power;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.hypervisor.vcpu.Vcpus;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.VirtioMmio;

/** The devices of a VM at their places. To add one, add a line here. */
final class Board implements AutoCloseable {
  private static final int SUPERVISOR_EXTERNAL = 9;

  private final MmioBus bus = new MmioBus();
  private final List<VirtioMmio> transports = new ArrayList<>();

  Board(VmConfig config, Vcpus vcpus, GuestMemory memory, Power power) {
    List<Plic.Context> contexts = new ArrayList<>();
    for (Vcpu v : vcpus.all()) {
      contexts.add(new Plic.Context(v::external, DeviceTree.cpu(v.index()), SUPERVISOR_EXTERNAL));
    }
    Plic plic = new Plic(MemoryMap.PLIC_SOURCES, contexts);
    bus.add(MemoryMap.PLIC, plic, 0);
    for (VirtioDevice device : config.virtio()) {
      int slot = transports.size();
      int irq = MemoryMap.virtioIrq(slot);
      VirtioMmio transport = new VirtioMmio(device, memory, plic.source(irq));
      bus.add(MemoryMap.virtio(slot), transport, irq);
      transports.add(transport);
    }
    Ns16550 uart =
        new Ns16550(config.console(), plic.source(MemoryMap.UART_IRQ), MemoryMap.UART_CLOCK);
    bus.add(MemoryMap.UART, uart, MemoryMap.UART_IRQ);
    GoldfishRtc rtc =
        new GoldfishRtc(config.clock(), config.timers(), plic.source(MemoryMap.RTC_IRQ));
    bus.add(MemoryMap.RTC, rtc, MemoryMap.RTC_IRQ);
    bus.add(MemoryMap.FINISHER, new TestFinisher(r -> finish(r, power), DeviceTree.FINISHER), 0);
  }

  MmioBus bus() {
    return bus;
  }

  void reset() {
    for (MmioBus.Window w : bus.windows()) {
      w.device().reset();
    }
  }

  @Override
  public void close() {
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
