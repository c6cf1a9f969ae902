package org.duvisor.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.SplittableRandom;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Extensions;
import org.duvisor.lab.EngineBenchmark;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.rng.Rng;

/**
 * What can be told to be wrong with options for the full stack before anything of it is built,
 * which takes minutes.
 *
 * @param harts of the board
 * @param memory of the board
 * @param cpu the extensions of its harts
 * @param aia the board's interrupt controllers
 * @param links of the board with this computer
 */
record StackOptions(int harts, Size memory, Extensions cpu, Aia aia, LinkOptions links) {
  private static final Size LEAST_MEMORY = new Size(256 << 20);

  /** Checks the board, its shared folders and network; these are not left open. */
  void check() throws IOException {
    if (memory.bytes() < LEAST_MEMORY.bytes()) {
      throw new UserError(
          "--memory " + memory + ": the full stack's host needs at least " + LEAST_MEMORY);
    }
    if (!cpu.has(Extension.XDV) || !cpu.has(Extension.SSTC) || !cpu.has(Extension.D)) {
      throw new UserError("--cpu: DuVisor and its JVM need harts with xdv, sstc and d");
    }
    var random = new SplittableRandom(1);
    try (var devices = new Devices(Serving.INLINE, random)) {
      devices.open(sharesAlone());
      devices.add(new Rng(random)); // in the slot of the disk
      links.nets().forEach(_ -> devices.add(new Rng(random))); // and of networks, see below
      BoardConfig.of(harts, memory.bytes(), CharBackend.none())
          .interrupts(aia.controller())
          .virtio(devices.list())
          .build();
    }
    for (Net.Card card : links.nets()) {
      if (card.net() instanceof Net.User && EngineBenchmark.onPath("passt").isEmpty()) {
        throw new UserError("--net user needs passt, which is not installed (Debian: passt)");
      }
      if (card.net() instanceof Net.Unix(var socket) && !Files.exists(socket)) {
        throw new UserError("--net unix:" + socket + ": there is no such socket");
      }
    }
  }

  private GuestOptions sharesAlone() {
    return new GuestOptions(
        GuestOptions.Boot.none(),
        memory,
        List.of(),
        links.shares(),
        List.of(),
        GuestOptions.Execution.of(Engine.interpreter),
        true);
  }

  /** Checks a guest in the host of this board. */
  void check(VmOptions guest) {
    Size wanted = guest.guest().memory();
    VmConfig.check(guest.cpus(), wanted.bytes());
    if (guest.aia() && aia != Aia.imsic) {
      throw new UserError(
          "-- --aia aplic-imsic needs harts that have it: duvisor host --aia aplic-imsic -- ...");
    }
    if (wanted.bytes() > memory.bytes() / 2) {
      throw new UserError(
          "-- --memory "
              + wanted
              + ": the host has "
              + memory
              + " (--memory before the --), and half of it for guests");
    }
    if (guest.guest().nets().stream().anyMatch(card -> card.net() instanceof Net.User)) {
      throw new UserError("-- --net user: there is no passt on the full stack's host");
    }
  }
}
