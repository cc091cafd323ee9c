#!/bin/bash
# Mutation testing of one part: tests/mutation/mutate.sh reference|compiler|flows|placement
#
# Stryker places the mutants and compiles them; runner.cs runs the tests against them. All of it happens in a clone under a scratch folder; the checkout stays as it is.
# Needs dotnet-stryker 5.1 (dotnet tool install dotnet-stryker --tool-path DIR; STRYKER=DIR/dotnet-stryker).
set -euo pipefail
part=${1:?reference, compiler, flows or placement}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'touch "$work/done"; rm -rf "$work"' EXIT
case $part in
  reference) project=Dataplane.Topology assembly=Dataplane.Topology.dll mutate='"**/Reference/*.cs"' spaces=Dataplane.Tests.Semantics engine=ReferenceEngine limit=300 ;;
  compiler) project=Dataplane.Compiler assembly=Dataplane.Compiler.dll mutate='"**/Lower/*.cs","**/Simplify/*.cs","!**/BoxLowering*.cs"' spaces=Dataplane.Tests.Compiler,Dataplane.Tests.Semantics engine=FastEngine limit=150 ;;
  flows) project=Dataplane assembly=Dataplane.Core.dll mutate='"**/Flows/TcpStates.cs","**/Flows/FlowTable.cs"' spaces=Dataplane.Tests.Flows,Dataplane.Tests.Semantics engine=FastEngine limit=300 ;;
  placement) project=Dataplane assembly=Dataplane.Core.dll mutate='"**/Fabric/Walk.cs"' spaces=Dataplane.Tests.Semantics engine=FastEngine limit=300 ;;
  *) echo "unknown part $part: reference, compiler, flows or placement" >&2; exit 2 ;;
esac
git clone -q "$root" "$work/mutants"
cd "$work/mutants"
# Mutants earn warnings by nature.
sed -i 's|<TreatWarningsAsErrors>true|<TreatWarningsAsErrors>false|; s|<EnforceCodeStyleInBuild>true|<EnforceCodeStyleInBuild>false|; s|<GenerateDocumentationFile>true|<GenerateDocumentationFile>false|; s|<AnalysisLevel>.*</AnalysisLevel>|<RunAnalyzers>false</RunAnalyzers>|' Directory.Build.props
# A static initialiser runs once a process: a mutant there would stay for all that follow.
find src -name '*.cs' -not -path '*/obj/*' -exec sed -i -E '/^ *(public|private|internal) static readonly [^(]*=.*;$|^ *public static [A-Za-z<>]+ [A-Za-z]+ \{ get; \} =.*;$/ s|^|// Stryker disable once all\n|; /^ *(public|private|internal) static readonly [^(;]*=?$/ s|^|// Stryker disable once all\n|' {} +
cp -r . ../tests-of-it
# Only the engine whose code is mutated is asked: the other one costs time and kills nothing.
case $engine in ReferenceEngine) other=FastEngine ;; *) other=ReferenceEngine ;; esac
sed -i "/=> new $other(network, options),/d" ../tests-of-it/tests/Dataplane.Tests/TestSupport/TestEngine.cs
checker=$(grep -o 'CsCheck" Version="[^"]*' Directory.Packages.props | cut -d'"' -f3)
for at in . ../tests-of-it; do
  mkdir "$at/tests/Mutants"
  cat > "$at/tests/Mutants/Mutants.csproj" <<X
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
    <PackageReference Include="CsCheck" Version="$checker" />
  </ItemGroup>
</Project>
X
done
# Stryker is given one test that reaches nothing: it places, compiles and lists the mutants, and has nothing to run.
echo 'public sealed class Nothing { [Xunit.Fact] public void Is_tested() => Xunit.Assert.True(true); }' > tests/Mutants/Nothing.cs
echo "{ \"stryker-config\": { \"project\": \"$project.csproj\", \"configuration\": \"Release\", \"test-runner\": \"mtp\", \"mutate\": [$mutate], \"concurrency\": 1, \"reporters\": [\"json\"] } }" > tests/Mutants/stryker-config.json
# The tests are built beside Stryker's own work.
(
  cd ../tests-of-it/tests/Mutants
  rm -f Nothing.cs
  sed -i 's|</Project>|  <ItemGroup>\n    <Compile Include="../Dataplane.Tests/Semantics/*.cs" Exclude="../Dataplane.Tests/Semantics/RandomWorldTests.cs" />\n    <Compile Include="../Dataplane.Tests/TestSupport/*.cs" Exclude="../Dataplane.Tests/TestSupport/DataplaneProgram.cs" />\n    <Compile Include="../Dataplane.Tests/Flows/*.cs;../Dataplane.Tests/Engine/RandomTraffic.cs;../Dataplane.Tests/Topology/Snapshots.cs" />\n    <Compile Include="../Dataplane.Tests/Compiler/*.cs" Exclude="../Dataplane.Tests/Compiler/LargeListTests.cs;../Dataplane.Tests/Compiler/GoldenCodeTests.cs" />\n  </ItemGroup>\n</Project>|' Mutants.csproj
  dotnet build -c Release -v q -nologo -clp:ErrorsOnly
) &
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
cd ../tests-of-it/tests/Mutants
cp "$work/$assembly" bin/Release/net10.0/
dotnet run --file "$root/tests/mutation/runner.cs" -- bin/Release/net10.0 "$assembly" "$(ls "$work"/mutants/tests/Mutants/StrykerOutput/*/reports/mutation-report.json)" "$spaces" "$limit"
