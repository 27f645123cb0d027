AWS_ID_TOKEN=$(curl -fsS --retry 5 -X POST -H "Content-Type: application/json" -H "Content-Length: 0" -H "Authorization: Bearer $SYSTEM_ACCESSTOKEN" \
  "$SYSTEM_OIDCREQUESTURI?api-version=7.1${AWS_SERVICE_CONNECTION_ID:+&serviceConnectionId=$AWS_SERVICE_CONNECTION_ID}" | sed -n 's/.*"oidcToken" *: *"\([^"]*\)".*/\1/p')
echo "##vso[task.setsecret]$AWS_ID_TOKEN"
export AWS_ID_TOKEN=${AWS_ID_TOKEN:?is empty: there was no identity token in the answer}
