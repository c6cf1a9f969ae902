/**
 * What every peer of the platform contract must do, and what hostile users of it must not achieve.
 * Tests here see {@code platform} only; a peer joins by a subclass of the contract.
 */
@NullMarked
package org.duvisor.conformance.platform;

import org.jspecify.annotations.NullMarked;
