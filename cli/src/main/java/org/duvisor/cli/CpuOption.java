package org.duvisor.cli;

import org.duvisor.isa.Extensions;
import org.duvisor.isa.Profile;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** {@code --cpu}, of every command that has simulated harts. */
final class CpuOption {
  @Option(
      names = "--cpu",
      paramLabel = "NAME[,+EXT][,-EXT]",
      defaultValue = "max",
      converter = Converter.class,
      description =
          "The harts: rva20, rva22, rva23 or max, and extensions to add and take away, such as"
              + " rva23,+xdv,-zbb. Default: ${DEFAULT-VALUE}.")
  private Extensions extensions = Profile.MAX.extensions();

  Extensions get() {
    return extensions;
  }

  /** From the option's text. */
  static final class Converter implements ITypeConverter<Extensions> {
    @Override
    public Extensions convert(String text) {
      try {
        return Extensions.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }
}
