/**
 * One command in the project's guest: what is asked, and the host's end of the port that carries
 * its streams. The guest's end is {@code guest/initramfs/run-command.c}. Knows nothing of options
 * and machines.
 */
@NullMarked
package org.duvisor.cli.command;

import org.jspecify.annotations.NullMarked;
