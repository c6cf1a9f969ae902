/**
 * Small bare-metal programs on a board, for the tests of this module and of engines; nothing here
 * knows what a test expects.
 */
@NullMarked
package org.duvisor.machine.testing;

import org.jspecify.annotations.NullMarked;
