/**
 * What back ends need of a Linux host and Java does not have: calls of libc with an errno, a file
 * that stays the one that was checked, a child process behind a socket.
 */
@NullMarked
package org.duvisor.virtio.host;

import org.jspecify.annotations.NullMarked;
