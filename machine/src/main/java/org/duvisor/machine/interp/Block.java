package org.duvisor.machine.interp;

/** Straight-line code: all but the last op fall through, the last one sets the pc. */
record Block(Op[] ops) {}
