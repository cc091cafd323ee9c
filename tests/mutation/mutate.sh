#!/bin/bash
# Mutation testing of one part: tests/mutation/mutate.sh reference|compiler|flows|placement [DIR]
#
# Stryker places the mutants and compiles them; runner.cs runs the tests against them. All of it happens in a clone under a scratch folder; the checkout stays as it is.
# The mutants are those of the last commit, the tests those that stand in the checkout. DIR is then the scratch folder and stays: called with it again, as long as src is the
# same, tests are built anew and only the mutants that survived are run.
# Needs dotnet-stryker 5.1 (dotnet tool install dotnet-stryker --tool-path DIR; STRYKER=DIR/dotnet-stryker).
set -euo pipefail
part=${1:?reference, compiler, flows or placement}
root=$(cd "$(dirname "$0")/../.." && pwd)
random='!ReloadTests.REL_14_Changes_at_random_are_the_same_on_every_engine'
case $part in
  reference) project=Dataplane.Topology assembly=Dataplane.Topology.dll mutate='"**/Reference/*.cs"' spaces="Dataplane.Tests.Semantics,$random" engine=ReferenceEngine limit=300 ;;
  compiler) project=Dataplane.Compiler assembly=Dataplane.Compiler.dll mutate='"**/Lower/*.cs","**/Simplify/*.cs","!**/BoxLowering*.cs"' spaces="Dataplane.Tests.Compiler,Dataplane.Tests.Semantics,$random" engine=FastEngine limit=150 ;;
  flows) project=Dataplane assembly=Dataplane.Core.dll mutate='"**/Flows/TcpStates.cs","**/Flows/FlowTable.cs"' spaces="Dataplane.Tests.Flows,Dataplane.Tests.Fabric,Dataplane.Tests.Semantics,$random" engine=FastEngine limit=300 ;;
  placement) project=Dataplane assembly=Dataplane.Core.dll mutate='"**/Fabric/Walk.cs"' spaces="Dataplane.Tests.Fabric,Dataplane.Tests.Semantics,$random" engine=FastEngine limit=300 ;;
  *) echo "unknown part $part: reference, compiler, flows or placement" >&2; exit 2 ;;
esac
if [ -n "${2:-}" ]; then
  mkdir -p "$2"
  work=$(cd "$2" && pwd)
  rm -f "$work/done"
else
  work=$(mktemp -d)
fi
trap 'touch "$work/done"; [ -n "${2:-}" ] || rm -rf "$work"' EXIT
of="$part $(git -C "$root" rev-parse HEAD:src)"

# What both copies of the checkout need: mutants earn warnings by nature, and a project with nothing in it but the mutated code and its tests.
prepare() {
  sed -i 's|<TreatWarningsAsErrors>true|<TreatWarningsAsErrors>false|; s|<EnforceCodeStyleInBuild>true|<EnforceCodeStyleInBuild>false|; s|<GenerateDocumentationFile>true|<GenerateDocumentationFile>false|; s|<AnalysisLevel>.*</AnalysisLevel>|<RunAnalyzers>false</RunAnalyzers>|' Directory.Build.props
  # A static initialiser runs once a process: a mutant there would stay for all that follow.
  find src -name '*.cs' -not -path '*/obj/*' -exec sed -i -E '/^ *(public|private|internal) static readonly [^(]*=.*;$|^ *public static [A-Za-z<>]+ [A-Za-z]+ \{ get; \} =.*;$/ s|^|// Stryker disable once all\n|; /^ *(public|private|internal) static readonly [^(;]*=?$/ s|^|// Stryker disable once all\n|' {} +
  mkdir tests/Mutants
  cat > tests/Mutants/Mutants.csproj <<X
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <AssemblyName>Dataplane.Tests</AssemblyName>
    <ManagePackageVersionsCentrally>false</ManagePackageVersionsCentrally>
    <UseMicrosoftTestingPlatformRunner>true</UseMicrosoftTestingPlatformRunner>
    <AllowUnsafeBlocks>true</AllowUnsafeBlocks>
  </PropertyGroup>
  <ItemGroup>
    <ProjectReference Include="../../src/Dataplane/Dataplane.csproj" />
    <ProjectReference Include="../../src/Dataplane.Topology/Dataplane.Topology.csproj" />
    <ProjectReference Include="../../src/Dataplane.Compiler/Dataplane.Compiler.csproj" />
    <PackageReference Include="xunit.v3" Version="3.2.2" />
    <PackageReference Include="CsCheck" Version="$(grep -o 'CsCheck" Version="[^"]*' Directory.Packages.props | cut -d'"' -f3)" />
  </ItemGroup>
</Project>
X
}

build_tests() {
  cd "$work/tests-of-it"
  rm -rf tests/Dataplane.Tests
  git -C "$root" ls-files -co --exclude-standard tests/Dataplane.Tests | tar -C "$root" -cT - | tar -x
  # Only the engine whose code is mutated is asked: the other one costs time and kills nothing.
  case $engine in ReferenceEngine) other=FastEngine ;; *) other=ReferenceEngine ;; esac
  sed -i "/=> new $other(network, options),/d" tests/Dataplane.Tests/TestSupport/TestEngine.cs
  cd tests/Mutants
  dotnet build -c Release -v q -nologo -clp:ErrorsOnly
}

if [ "$(cat "$work/of" 2>/dev/null)" != "$of" ]; then
  rm -rf "$work/mutants" "$work/tests-of-it" "$work/results"
  git clone -q "$root" "$work/mutants"
  cd "$work/mutants"
  prepare
  cp -r . ../tests-of-it
  sed -i 's|</Project>|  <ItemGroup>\n    <Compile Include="../Dataplane.Tests/Semantics/*.cs" Exclude="../Dataplane.Tests/Semantics/RandomWorldTests.cs" />\n    <Compile Include="../Dataplane.Tests/TestSupport/*.cs" Exclude="../Dataplane.Tests/TestSupport/DataplaneProgram.cs" />\n    <Compile Include="../Dataplane.Tests/Flows/*.cs;../Dataplane.Tests/Fabric/*.cs;../Dataplane.Tests/Engine/RandomTraffic.cs;../Dataplane.Tests/Topology/Snapshots.cs" />\n    <Compile Include="../Dataplane.Tests/Compiler/*.cs" Exclude="../Dataplane.Tests/Compiler/LargeListTests.cs;../Dataplane.Tests/Compiler/GoldenCodeTests.cs" />\n  </ItemGroup>\n</Project>|' ../tests-of-it/tests/Mutants/Mutants.csproj
  # Stryker is given one test that reaches nothing: it places, compiles and lists the mutants, and has nothing to run.
  echo 'public sealed class Nothing { [Xunit.Fact] public void Is_tested() => Xunit.Assert.True(true); }' > tests/Mutants/Nothing.cs
  echo "{ \"stryker-config\": { \"project\": \"$project.csproj\", \"configuration\": \"Release\", \"test-runner\": \"mtp\", \"mutate\": [$mutate], \"concurrency\": 1, \"reporters\": [\"json\"] } }" > tests/Mutants/stryker-config.json
  # The tests are built beside Stryker's own work.
  (build_tests) &
  build=$!
  # Stryker puts the original back when it ends, so the mutated assembly is taken while it is there.
  (
    while [ -d "$work" ] && [ ! -e "$work/done" ]; do
      if grep -qs MutantControl "tests/Mutants/bin/Release/net10.0/$assembly"; then
        cp "tests/Mutants/bin/Release/net10.0/$assembly" "$work/part" && grep -qs MutantControl "$work/part" && mv "$work/part" "$work/$assembly"
      fi
      sleep 1
    done
  ) &
  (cd tests/Mutants && "${STRYKER:-dotnet-stryker}")
  touch "$work/done"
  wait "$build"
  echo "$of" > "$work/of"
else
  (build_tests)
fi
cd "$work/tests-of-it/tests/Mutants"
cp "$work/$assembly" bin/Release/net10.0/
dotnet run --file "$root/tests/mutation/runner.cs" -- bin/Release/net10.0 "$assembly" "$(ls "$work"/mutants/tests/Mutants/StrykerOutput/*/reports/mutation-report.json)" "$spaces" "$limit" "$work/results"
