AWS_ID_TOKEN=$(curl -fsS --retry 5 -H "Authorization: bearer ${ACTIONS_ID_TOKEN_REQUEST_TOKEN:?is missing: the job wants permissions: id-token: write}" \
  "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=sts.amazonaws.com" | sed -n 's/.*"value" *: *"\([^"]*\)".*/\1/p')
echo "::add-mask::$AWS_ID_TOKEN"
export AWS_ID_TOKEN=${AWS_ID_TOKEN:?is empty: there was no identity token in the answer}
