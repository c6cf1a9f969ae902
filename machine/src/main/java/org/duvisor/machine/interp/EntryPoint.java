package org.duvisor.machine.interp;

/** A place where a translation can be entered. */
final class EntryPoint {
  final Translation translation;

  /** Its number, for {@link Translation#run}. */
  final int index;

  /** Its offset from the start of the region's first page, in virtual memory; bytes. */
  final int offset;

  EntryPoint(Translation translation, int index, int offset) {
    this.translation = translation;
    this.index = index;
    this.offset = offset;
  }
}
