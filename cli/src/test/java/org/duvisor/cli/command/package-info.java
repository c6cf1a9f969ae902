/** Tests of the command port. */
@NullMarked
package org.duvisor.cli.command;

import org.jspecify.annotations.NullMarked;
