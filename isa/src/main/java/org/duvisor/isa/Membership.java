package org.duvisor.isa;

import java.util.List;

/**
 * Which harts have the instructions of a section of a table.
 *
 * @param extensions one of these has them
 * @param besides and all of these are needed
 */
record Membership(List<Extension> extensions, List<Extension> besides) {
  /** Reads the head line of a section: "Zba", "Zbb or Zbkb", "Zfa and Zfh". */
  static Membership parse(String text) {
    int and = text.indexOf(" and ");
    return and < 0
        ? new Membership(Extension.list(text, "or"), List.of())
        : new Membership(
            Extension.list(text.substring(0, and), "or"),
            Extension.list(text.substring(and + 5), "and"));
  }

  boolean isIn(Extensions hart) {
    for (int i = 0; i < besides.size(); i++) { // at every start of a JVM
      if (!hart.has(besides.get(i))) {
        return false;
      }
    }
    return hart.hasAny(extensions);
  }
}
