prefix=[% .Prefix %]
for file in TestResults/summary.md TestResults/image.md; do
  if [ -f "$file" ]; then cat "$file" >> "$GITHUB_STEP_SUMMARY"; fi
done
# What failed, and the compiler's errors at their lines.
if [ -f TestResults/dagger.log ]; then
  sed -nE "s/$(printf '\033')\[[0-9;]*m//g"'
    /^Error: /,$ {
      s/ \[traceparent:[^]]*\]$//
      s|^Error: |::error::|p
      s#^([^ (:][^(:]*)\(([0-9]+),([0-9]+)\): (error|warning) ([A-Z]+[0-9]+): #::\4 file='"$prefix"'\1,line=\2,col=\3,title=\5::#p
    }' TestResults/dagger.log
fi
