export PATH="$PWD/.tools/bin:$PATH"
mkdir -p TestResults
[% .BuildAndPush %]
