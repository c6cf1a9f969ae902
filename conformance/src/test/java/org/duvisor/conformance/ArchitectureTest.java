package org.duvisor.conformance;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The arrows between modules, and what code may not touch. A new arrow is a decision: change the
 * table in docs/architecture.md with its reason.
 */
final class ArchitectureTest {
  private static final String ROOT = "org.duvisor.";

  /** Which modules each module may see, by package below the root. */
  private static final Map<String, Set<String>> ARROWS = arrows();

  /** The rows of the table: a module in backquotes, what it holds, what it may see. */
  private static Map<String, Set<String>> arrows() {
    Map<String, Set<String>> arrows = new TreeMap<>();
    try {
      for (String line : Files.readAllLines(Path.of("..", "docs", "architecture.md"))) {
        String[] cells = line.split("\\|");
        if (cells.length == 4 && cells[1].strip().matches("`[a-z-]+`")) {
          String seen = cells[3].strip();
          arrows.put(
              packageOf(cells[1].replace("`", "")),
              seen.equals("-")
                  ? Set.of()
                  : Arrays.stream(seen.split(","))
                      .map(ArchitectureTest::packageOf)
                      .collect(Collectors.toSet()));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return arrows;
  }

  private static String packageOf(String module) {
    return module.strip().replace('-', '.');
  }

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("org.duvisor");

  /** The module of a class: the longest name in the table that begins its package. */
  private static String module(JavaClass type) {
    String name = type.getPackageName();
    return ARROWS.keySet().stream()
        .filter(module -> name.equals(ROOT + module) || name.startsWith(ROOT + module + "."))
        .reduce((a, b) -> a.length() > b.length() ? a : b)
        .orElse("");
  }

  private static DescribedPredicate<JavaClass> in(Set<String> modules) {
    return describe("in " + new TreeSet<>(modules), type -> modules.contains(module(type)));
  }

  private static DescribedPredicate<JavaClass> ours() {
    return describe("of this project", type -> type.getPackageName().startsWith(ROOT));
  }

  /**
   * Adversary: a class-file version the reader does not know, which would make every rule pass on
   * nothing.
   */
  @Test
  void everyModuleWasRead() throws IOException {
    Set<String> read = CLASSES.stream().map(ArchitectureTest::module).collect(Collectors.toSet());
    Set<String> present =
        ARROWS.keySet().stream().filter(ArchitectureTest::hasClasses).collect(Collectors.toSet());
    assertTrue(present.contains("hypervisor"));
    assertEquals(present, read);
    assertEquals(modules(), ARROWS.keySet());
  }

  /** The modules of the build that have code of their own. */
  private static Set<String> modules() throws IOException {
    try (Stream<Path> folders = Files.list(Path.of(".."))) {
      return folders
          .filter(f -> Files.isDirectory(f.resolve("src/main/java")))
          .map(f -> packageOf(f.getFileName().toString()))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  private static boolean hasClasses(String module) {
    String folder = (ROOT + module).replace('.', '/');
    return ArchitectureTest.class.getClassLoader().getResource(folder) != null;
  }

  @Test
  void modulesSeeOnlyWhatTheirArrowsAllow() {
    ARROWS.forEach(
        (module, seen) -> {
          var allowed = new TreeSet<>(seen);
          allowed.add(module);
          noClasses()
              .that(in(Set.of(module)))
              .should()
              .dependOnClassesThat(ours().and(DescribedPredicate.not(in(allowed))))
              .because("the arrows from " + module + " go to " + allowed)
              .allowEmptyShould(true)
              .check(CLASSES);
        });
  }

  @Test
  void theHypervisorNeverSeesAMachine() {
    noClasses()
        .that(in(Set.of("hypervisor")))
        .should()
        .dependOnClassesThat(in(Set.of("machine", "jit", "platform.sim", "platform.linux")))
        .because("it must run unchanged on hardware: it sees the platform contract only")
        .check(CLASSES);
  }

  @Test
  void packagesHaveNoCycles() {
    slices()
        .assignedFrom(
            new SliceAssignment() {
              @Override
              public SliceIdentifier getIdentifierOf(JavaClass type) {
                return SliceIdentifier.of(type.getPackageName());
              }

              @Override
              public String getDescription() {
                return "packages";
              }
            })
        .should()
        .beFreeOfCycles()
        .check(CLASSES);
  }

  @Test
  void onlyCommandsPrint() {
    noClasses()
        .that(DescribedPredicate.not(in(Set.of("cli", "lab"))))
        .should()
        .accessField(System.class, "out")
        .orShould()
        .accessField(System.class, "err")
        .because("standard output belongs to the guest's console")
        .check(CLASSES);
  }

  @Test
  void rawMemoryIsInOneClassOfTheMachineAndOneOfThePlatform() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("sun.misc.Unsafe")
        .check(CLASSES);
    classes()
        .that()
        .doNotHaveFullyQualifiedName("org.duvisor.machine.mem.Raw")
        .and()
        .doNotHaveFullyQualifiedName("org.duvisor.platform.linux.Words")
        .should()
        .onlyDependOnClassesThat()
        .resideOutsideOfPackage("jdk.internal..")
        .because("accesses without bounds checks are to be judged in few places")
        .check(CLASSES);
  }

  @Test
  void logsGoThroughTheSystemLogger() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("java.util.logging..", "org.slf4j..")
        .because("modules log with System.Logger, or not at all")
        .check(CLASSES);
  }
}
