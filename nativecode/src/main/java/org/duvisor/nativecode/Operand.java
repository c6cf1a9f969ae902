package org.duvisor.nativecode;

/** What an x86-64 instruction takes where it takes a register or memory. */
sealed interface Operand permits Reg, Mem {}
