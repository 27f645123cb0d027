prefix=[% .Prefix %]
for file in TestResults/summary.md TestResults/image.md; do
  if [ -f "$file" ]; then echo "##vso[task.uploadsummary]$PWD/$file"; fi
done
# What failed, and the compiler's errors at their lines.
if [ -f TestResults/dagger.log ]; then
  sed -nE "s/$(printf '\033')\[[0-9;]*m//g"'
    /^Error: /,$ {
      s/ \[traceparent:[^]]*\]$//
      s|^Error: |##vso[task.logissue type=error]|p
      s#^([^ (:][^(:]*)\(([0-9]+),([0-9]+)\): (error|warning) ([A-Z]+[0-9]+): #\#\#vso[task.logissue type=\4;sourcepath='"$prefix"'\1;linenumber=\2;columnnumber=\3;code=\5]#p
    }' TestResults/dagger.log
fi
