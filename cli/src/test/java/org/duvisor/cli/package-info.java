/** Tests of the command: what it understands, what it says, and what it does to a real terminal. */
@NullMarked
package org.duvisor.cli;

import org.jspecify.annotations.NullMarked;
