/**
 * The instruction set as tables: one text file an extension under {@code tables/}, and what is
 * driven by them (decoder, disassembler, assembler), together with the CSR and cause numbers.
 * Nothing here executes an instruction or knows a hart: semantics are only names, bound by the code
 * generator and by the engines.
 */
@NullMarked
package org.duvisor.isa;

import org.jspecify.annotations.NullMarked;
