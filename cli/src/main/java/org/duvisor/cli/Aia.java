package org.duvisor.cli;

import java.util.Iterator;
import java.util.List;
import java.util.stream.Collectors;
import org.duvisor.machine.board.InterruptController;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

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

  /** Reads an option that takes some of the values: help, errors and completion list these. */
  private abstract static class Some implements ITypeConverter<Aia>, Iterable<String> {
    private final List<Aia> values;

    Some(Aia... values) {
      this.values = List.of(values);
    }

    @Override
    public Aia convert(String text) {
      return values.stream()
          .filter(value -> value.option.equals(text))
          .findFirst()
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "'"
                          + text
                          + "' is none of "
                          + values.stream().map(Aia::toString).collect(Collectors.joining(", "))));
    }

    @Override
    public Iterator<String> iterator() {
      return values.stream().map(Aia::toString).iterator();
    }
  }

  /** What a board can have. */
  static final class OfBoard extends Some {
    OfBoard() {
      super(Aia.values());
    }
  }

  /** What a VM can have: interrupt files of its harts want messages. */
  static final class OfVm extends Some {
    OfVm() {
      super(none, imsic);
    }
  }
}
