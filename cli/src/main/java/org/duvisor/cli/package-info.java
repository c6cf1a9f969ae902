/**
 * The {@code duvisor} command: options, messages, exit codes, and the wiring of a VM or a board to
 * the terminal. Decisions about guests do not live here: an option is parsed, handed to the domain,
 * and judged there.
 */
@NullMarked
package org.duvisor.cli;

import org.jspecify.annotations.NullMarked;
