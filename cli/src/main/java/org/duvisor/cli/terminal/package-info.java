/**
 * The user's terminal while a guest has it: raw mode, the escape key, and giving it back. Knows
 * nothing of guests.
 */
@NullMarked
package org.duvisor.cli.terminal;

import org.jspecify.annotations.NullMarked;
