set -f # words alone, no patterns of files
export PATH="$PWD/.tools/bin:$PATH"
mkdir -p TestResults
app="--source $SOURCE $ARGUMENTS"
case ",$REQUIRE," in
  *,test,*)
    dagger -m "$MODULE" call $app test-results --run "$RUN_ID" export --path TestResults
    dagger -m "$MODULE" call $app test --run "$RUN_ID" 2>&1 | tee -a TestResults/dagger.log ;;
esac
gate=$(echo ",$REQUIRE," | sed 's/,test,/,/; s/^,*//; s/,*$//')
login=
if [ -n "$ROLE" ]; then
  login="--aws-role-arn $ROLE --aws-web-identity-token env://AWS_ID_TOKEN"
elif [ -n "${REGISTRY_USERNAME:-}" ]; then
  login="--username $REGISTRY_USERNAME --password env://REGISTRY_PASSWORD"
fi
dagger -m "$MODULE" call -o TestResults/image.md $app build-and-push --image "$IMAGE" --version-from-git . $login ${gate:+--require "$gate"} $PUSH_ARGUMENTS --format markdown --dry-run="${DRY_RUN:-false}" 2>&1 | tee -a TestResults/dagger.log
