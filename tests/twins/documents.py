"""GraphQL documents that the twin's tests share."""

PULL = """
id number state isDraft title body url headRefName headRefOid baseRefName baseRefOid mergeable mergeStateStatus merged
mergedAt closed closedAt isCrossRepository isInMergeQueue reviewDecision
author { login } mergedBy { login } mergeCommit { oid } headRepository { id nameWithOwner }
autoMergeRequest { enabledAt enabledBy { login } mergeMethod }
mergeQueueEntry { id position state enqueuer { login } }
labels(first: 20) { nodes { name } }
reviews(first: 20, states: [APPROVED]) { nodes { state author { login } commit { oid } } }
reviewRequests(first: 20) { nodes { requestedReviewer { ... on User { login } ... on Team { slug } } } }
assignees(first: 20) { nodes { login } }
comments(first: 20) { nodes { body author { login } } }
commits(first: 20) { nodes { commit { oid messageHeadline } } }
timelineItems(first: 50, itemTypes: [
  CLOSED_EVENT, REOPENED_EVENT, MERGED_EVENT, AUTO_MERGE_ENABLED_EVENT, AUTO_MERGE_DISABLED_EVENT,
  CONVERT_TO_DRAFT_EVENT, HEAD_REF_FORCE_PUSHED_EVENT, BASE_REF_CHANGED_EVENT, RENAMED_TITLE_EVENT,
  ADDED_TO_MERGE_QUEUE_EVENT, REMOVED_FROM_MERGE_QUEUE_EVENT
]) {
  nodes {
    __typename
    ... on ClosedEvent { createdAt actor { login } }
    ... on ReopenedEvent { actor { login } }
    ... on MergedEvent { actor { login } commit { oid } }
    ... on AutoMergeDisabledEvent { actor { login } reason }
    ... on HeadRefForcePushedEvent { actor { login } beforeCommit { oid } afterCommit { oid } }
  }
}
"""

LOOK = f"""
query($owner: String!, $name: String!, $number: Int!) {{
  repository(owner: $owner, name: $name) {{ id pullRequest(number: $number) {{ {PULL} }} }}
}}
"""

OPEN = """
mutation($repository: ID!, $branch: String!, $ref: String!, $oid: GitObjectID!, $contents: Base64String!) {
  ref: createRef(input: {repositoryId: $repository, name: $ref, oid: $oid}) { ref { id name prefix } }
  commit: createCommitOnBranch(input: {
    branch: {repositoryNameWithOwner: "fleet/production", branchName: $branch}
    message: {headline: "Promote", body: "By robot"}
    expectedHeadOid: $oid
    fileChanges: {additions: [{path: "apps/vault/helm.yaml", contents: $contents}]}
  }) { commit { oid message signature { isValid wasSignedByGitHub } author { name user { login } } } }
  pull: createPullRequest(input: {
    repositoryId: $repository, headRefName: $branch, baseRefName: "main", title: "Promote vault", body: "Proven"
  }) { pullRequest { id number } }
}
"""

MOVE = """
mutation($repository: ID!, $updates: [RefUpdate!]!) {
  updateRefs(input: {repositoryId: $repository, refUpdates: $updates}) { clientMutationId }
}
"""

ARM = """
mutation($id: ID!, $head: GitObjectID) {
  enablePullRequestAutoMerge(input: {pullRequestId: $id, expectedHeadOid: $head, mergeMethod: SQUASH}) {
    pullRequest { autoMergeRequest { mergeMethod enabledBy { login } } isInMergeQueue }
  }
}
"""

DISARM = """
mutation($id: ID!) {
  disablePullRequestAutoMerge(input: {pullRequestId: $id}) { pullRequest { autoMergeRequest { enabledAt } } }
}
"""
