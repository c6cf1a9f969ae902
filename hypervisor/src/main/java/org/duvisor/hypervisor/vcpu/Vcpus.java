package org.duvisor.hypervisor.vcpu;

import java.util.List;
import java.util.stream.IntStream;

/** The vCPUs of a VM by index, which is also their hart id and their bit in masks. */
public final class Vcpus {
  /** Makes a vCPU. */
  public interface Maker {
    /** The vCPU of an index, which says in {@code waiting} when it waits. */
    Vcpu make(int index, Waiting waiting);
  }

  private final Waiting waiting = new Waiting();
  private final Vcpu[] all;

  /** As many as {@code count}, 1..64, each made by {@code maker}. */
  public Vcpus(int count, Maker maker) {
    this.all = IntStream.range(0, count).mapToObj(i -> maker.make(i, waiting)).toArray(Vcpu[]::new);
  }

  /** Which of them wait. */
  public Waiting waiting() {
    return waiting;
  }

  /** How many. */
  public int count() {
    return all.length;
  }

  /** A mask with the bit of every vCPU. */
  public long mask() {
    return -1L >>> 64 - all.length;
  }

  /** Whether a hart id names a vCPU. */
  public boolean has(long hart) {
    return Long.compareUnsigned(hart, all.length) < 0;
  }

  /** The vCPU of an index. */
  public Vcpu get(int index) {
    return all[index];
  }

  /** Ends all of them. Any thread; allocates nothing. */
  public void end() {
    for (Vcpu v : all) {
      v.end();
    }
  }

  /** All of them. */
  public List<Vcpu> all() {
    return List.of(all);
  }
}
