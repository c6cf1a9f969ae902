package org.duvisor.platform;

import java.util.Optional;

/**
 * Harts with DV-ext that this process can have from its operating system. Implementations are found
 * as services ({@link java.util.ServiceLoader}); making one does nothing and costs nothing.
 */
public interface Platform {
  /** A word for a person, for instance "linux". */
  String name();

  /** Why it cannot be used here, in one line; empty when it can. */
  Optional<String> missing();

  /**
   * Opens the driver: a new VM.
   *
   * @throws DvException {@code LIMIT} when all VMIDs are in use, {@code INVALID} when the driver
   *     speaks another version of the ABI
   */
  DvDriver open();
}
