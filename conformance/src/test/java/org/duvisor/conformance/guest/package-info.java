/** Whole machines that boot the project's guest: a person's session, scripted. */
@NullMarked
package org.duvisor.conformance.guest;

import org.jspecify.annotations.NullMarked;
