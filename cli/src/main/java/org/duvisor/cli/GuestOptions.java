package org.duvisor.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.duvisor.isa.Extensions;
import org.duvisor.virtio.host.Links;

/**
 * What the user asked for and VMs and boards have alike, unjudged.
 *
 * @param boot what is started
 * @param memory of the guest
 * @param disks in the order given: vda, vdb, ...
 * @param shares host folders in the order given
 * @param nets network cards in the order given
 * @param execution what executes it
 * @param reboot whether a reboot starts the guest again; otherwise it is its end
 */
public record GuestOptions(
    Boot boot,
    Size memory,
    List<Disk> disks,
    List<Share> shares,
    List<Net.Card> nets,
    Execution execution,
    boolean reboot) {
  /**
   * What is started.
   *
   * @param kernel a Linux Image, or an ELF file; both may be compressed
   * @param initrd its initial RAM disk
   * @param append the kernel's command line
   */
  public record Boot(Optional<Path> kernel, Optional<Path> initrd, String append) {
    /** These images. */
    static Boot of(Path kernel, Path initrd, String append) {
      return new Boot(Optional.of(kernel), Optional.of(initrd), append);
    }

    /** Nothing yet. */
    static Boot none() {
      return new Boot(Optional.empty(), Optional.empty(), "");
    }
  }

  /**
   * What executes it.
   *
   * @param cpu the extensions of simulated harts
   * @param engine what executes guest code there
   * @param dump where to write what the engine translates
   */
  public record Execution(Extensions cpu, Engine engine, Optional<Path> dump) {
    /** Harts that have everything. */
    static Execution of(Engine engine) {
      return new Execution(Extensions.max(), engine, Optional.empty());
    }
  }

  Optional<Path> kernel() {
    return boot.kernel;
  }

  Optional<Path> initrd() {
    return boot.initrd;
  }

  String append() {
    return boot.append;
  }

  /** Starts what executes guest code, see {@link Engine#start}. */
  Engine.Running start(boolean sameEachTime) {
    return execution.engine.start(sameEachTime, execution.dump);
  }

  /**
   * Linux's COMMAND_LINE_SIZE for RISC-V, without its final 0. It cuts what is longer in silence.
   */
  private static final int MOST_LINE_BYTES = 1023;

  /**
   * The kernel's command line.
   *
   * @param first what comes before the user's
   * @throws UserError when a Linux guest would not get all of it
   */
  String commandLine(String first) {
    String line = (first + " " + append()).strip();
    int bytes = line.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > MOST_LINE_BYTES) {
      throw new UserError(
          "the kernel's command line (--append) has %d bytes; Linux takes %d"
              .formatted(bytes, MOST_LINE_BYTES));
    }
    return line;
  }

  /**
   * Makes what holds the guest's memory.
   *
   * @throws UserError when this computer has not got as much
   */
  <T> T withMemory(Supplier<T> make) {
    try {
      return make.get();
    } catch (OutOfMemoryError e) {
      throw new UserError(
          "not enough memory on this computer for the guest's " + memory + " (--memory)");
    }
  }

  /**
   * Where a file for the guest is: a link that may be the guest's own work, in a folder that it
   * shares, is not followed.
   *
   * @param what it is, for messages
   * @throws IOException with one line for the user
   */
  Path file(String what, Path file) throws IOException {
    return shares.isEmpty() ? file : Links.resolve(what + " " + file, file, sharedFolders());
  }

  /** The same with what {@link #file} says of its kernel and initial RAM disk. */
  GuestOptions withoutLinks() throws IOException {
    if (kernel().isEmpty()) {
      return this;
    }
    Optional<Path> found = initrd();
    if (found.isPresent()) {
      found = Optional.of(file("--initrd", found.get()));
    }
    return with(file("--kernel", kernel().get()), found);
  }

  /** The folders that the guest may have written to, now or before. */
  List<Path> sharedFolders() {
    return shares.stream().map(Share::folder).toList();
  }

  /** The same with other images. */
  GuestOptions with(Path otherKernel, Optional<Path> otherInitrd) {
    var other = new Boot(Optional.of(otherKernel), otherInitrd, append());
    return new GuestOptions(other, memory, disks, shares, nets, execution, reboot);
  }
}
