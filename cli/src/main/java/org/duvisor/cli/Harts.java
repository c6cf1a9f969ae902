package org.duvisor.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Extensions;
import org.duvisor.machine.Clock;
import org.duvisor.machine.HartConfig;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.Platform;
import org.duvisor.platform.sim.SimHost;

/** What a VM of {@code duvisor run} runs on, while it does. */
interface Harts extends AutoCloseable {
  /** Which harts to use. */
  enum Choice {
    /** This computer's, when it has some and they may be used; simulated ones otherwise. */
    auto,
    /** This computer's, through its kernel's driver. */
    host,
    /** Simulated ones, in this process. */
    simulated
  }

  /** A new VM on them. */
  DvDriver open();

  /** What simulated ones have executed. */
  long instructions();

  /** What is known of them: lines of text, each ended. */
  String statistics();

  @Override
  void close();

  /**
   * The harts that were chosen.
   *
   * @param options say which, what executes code on simulated ones, and whether these have AIA
   * @param memory bytes of a simulated host
   * @throws UserError when this computer's are asked for and there are none
   */
  static Harts of(VmOptions options, long memory) {
    Choice choice = options.harts();
    Optional<Platform> host = choice == Choice.simulated ? Optional.empty() : host(choice);
    if (host.isEmpty()) {
      return new Simulated(options, memory);
    }
    if (!options.guest().execution().cpu().equals(Extensions.max())) {
      throw new UserError("--cpu is for simulated harts (--harts simulated)");
    }
    return new Real(host.get());
  }

  private static Optional<Platform> host(Choice choice) {
    List<String> missing = new ArrayList<>();
    for (Platform platform : ServiceLoader.load(Platform.class)) {
      Optional<String> why = platform.missing();
      if (why.isEmpty()) {
        return Optional.of(platform);
      }
      missing.add(platform.name() + ": " + why.get());
    }
    if (choice == Choice.host) {
      throw new UserError(
          "this computer has no harts for VMs (" + String.join("; ", missing) + ")");
    }
    return Optional.empty();
  }

  /** This computer's harts. */
  record Real(Platform platform) implements Harts {
    @Override
    public DvDriver open() {
      return platform.open();
    }

    @Override
    public long instructions() {
      return 0;
    }

    @Override
    public String statistics() {
      return "";
    }

    @Override
    public void close() {}
  }

  /** Simulated harts, of a host for one VM alone. */
  final class Simulated implements Harts {
    private final Engine.Running engine;
    private final SimHost host;

    private Simulated(VmOptions options, long memory) {
      GuestOptions guest = options.guest();
      engine = guest.start(false);
      // A hart runs one vCPU at a time.
      int files = options.aia() ? 1 : HartConfig.NO_AIA;
      HartConfig config = new HartConfig(extensions(guest.execution().cpu()), files);
      host = guest.withMemory(() -> new SimHost(memory, Clock.realTime(), engine.harts(), config));
    }

    /** Those of the guest, and what the hypervisor needs beside them. */
    private static Extensions extensions(Extensions guest) {
      if (!guest.has(Extension.SSTC)) {
        throw new UserError("--cpu: guests of DuVisor have sstc");
      }
      return guest.with(Extension.XDV);
    }

    @Override
    public DvDriver open() {
      return host.open();
    }

    @Override
    public long instructions() {
      return host.instructions();
    }

    @Override
    public String statistics() {
      return engine.statistics(instructions());
    }

    @Override
    public void close() {
      engine.close();
    }
  }
}
