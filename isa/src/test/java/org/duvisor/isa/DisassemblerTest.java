package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Texts that people expect. */
class DisassemblerTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "00000013 | nop",
        "00008067 | ret",
        "00100513 | li a0, 1",
        "00058513 | mv a0, a1",
        "ff010113 | addi sp, sp, -16",
        "00113423 | sd ra, 8(sp)",
        "fe050ee3 | beqz a0, 0x80000ffc",
        "0000006f | j 0x80001000",
        "30051073 | csrw mstatus, a0",
        "88002573 | csrr a0, hugatp",
        "34202573 | csrr a0, mcause",
        "3b102573 | csrr a0, pmpaddr1",
        "7c002573 | csrr a0, 0x7c0",
        "0ff0000f | fence",
        "0310000f | fence rw, w",
        "8330000f | fence.tso",
        "0100000f | pause",
        "00200073 | huret",
        "30200073 | mret",
        "12000073 | sfence.vma",
        "100522af | lr.w t0, (a0)",
        "0ea5b62f | amoswap.d.aqrl a2, a0, (a1)",
        "00c5f553 | fadd.s fa0, fa1, fa2",
        "00c59553 | fadd.s fa0, fa1, fa2, rtz",
        "d2050553 | fcvt.d.w fa0, a0",
        "e0050553 | fmv.x.w a0, fa0",
        "20b58553 | fmv.s fa0, fa1",
        "00000000 | .half 0x0000",
        "ffffffff | .word 0xffffffff",
        "00008082 | ret",
        "00000001 | nop",
        "00004501 | li a0, 0",
        "000080e7 | jalr ra",
        "0000050b | .word 0x0000050b",
        "12345537 | lui a0, 0x12345",
        "e2054553 | .word 0xe2054553",
      })
  void usualText(String hex, String text) {
    assertEquals(text, Disassembler.text(Integer.parseUnsignedInt(hex, 16), 0x8000_1000L));
  }
}
