package org.duvisor.cli;

import org.duvisor.machine.board.InterruptController;

/** Values of --aia, under the names that QEMU's virt board uses. */
public enum Aia {
  none("none", InterruptController.PLIC),
  aplic("aplic", InterruptController.APLIC),
  imsic("aplic-imsic", InterruptController.APLIC_IMSIC);

  private final String option;
  private final InterruptController controller;

  Aia(String option, InterruptController controller) {
    this.option = option;
    this.controller = controller;
  }

  InterruptController controller() {
    return controller;
  }

  @Override
  public String toString() {
    return option;
  }
}
